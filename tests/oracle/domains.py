# SPDX-License-Identifier: MIT
"""Compares the command that libvirt makes of a domain with run-vm's own for the same machine.

Both commands become parts with properties: {"disk /path": {"format": "raw"}}. A device has the properties of what it refers
to, so the names by which arguments refer to one another do not count, and of places on buses only the order does."""
import collections, fnmatch, json, os, re, shlex, shutil, subprocess, tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
DIRECTORY = "/machine"  # of the machine's files in both commands

# --- QEMU's syntax

IMPLIED = {  # QEMU's names of a first value without one
    "machine": "type", "accel": "accel", "cpu": "model", "m": "size", "smp": "cpus", "name": "guest", "object": "qom-type",
    "device": "driver", "netdev": "type", "net": "type", "chardev": "backend", "tpmdev": "type", "fsdev": "driver",
    "virtfs": "driver", "drive": "file", "blockdev": "driver", "audiodev": "driver", "sandbox": "enable", "vnc": "vnc"}
PLAIN = ("append", "initrd", "kernel", "bios", "uuid")  # their commas mean nothing
PATHS = {"drive": "file", "virtfs": "path", "fsdev": "path", "initrd": "initrd", "kernel": "kernel", "bios": "bios"}
ALIASES = {"virtio-keyboard": "virtio-keyboard-pci", "lsi": "lsi53c895a"}
CACHES = {  # of -drive, as -blockdev and -device have them: cache.direct, cache.no-flush, write-cache
    "writeback": ("off", "off", "on"), "none": ("on", "off", "on"), "unsafe": ("off", "on", "on"),
    "writethrough": ("off", "off", "off"), "directsync": ("on", "off", "off")}


def flat(value, prefix=""):
    r = {}
    for k, v in value.items():
        if isinstance(v, dict):
            r.update(flat(v, f"{prefix}{k}."))
        else:
            r[prefix + k] = {True: "on", False: "off"}[v] if isinstance(v, bool) else str(v)
    return r


def properties(option, value):
    """Those of an option's value, in either of QEMU's two forms."""
    if option in PLAIN:
        return {option: value}
    if value.startswith("{"):
        return flat(json.loads(value))
    r = {}
    for n, word in enumerate(re.findall(r"(?:[^,]|,,)+", value)):
        key, sign, text = word.replace(",,", ",").partition("=")
        if not sign:
            key, text = (IMPLIED.get(option, "value"), key) if n == 0 else (key, "on")
        r[key] = text
    return r


def options(argv):
    """Each option with its properties, files by absolute paths; an option is alone if another follows it."""
    r = []
    for n, word in enumerate(argv):
        if not word.startswith("-"):
            continue
        alone = n + 1 == len(argv) or argv[n + 1].startswith("-")
        found = {} if alone else properties(word[1:], argv[n + 1])
        path = PATHS.get(word[1:])
        if path in found:
            found[path] = os.path.normpath(os.path.join(DIRECTORY, found[path]))
        r.append((word[1:], found))
    return r


# --- parts

def place(device):
    """Where a guest comes to a PCI device, which gives disks and cards their names: behind those of the root bus are the ports."""
    on_root = device.get("bus", "pcie.0") in ("pcie.0", "pci.0")
    return (0, int(device.get("addr", "0").split(".")[0], 16)) if on_root else (1, 0)


class Parts(dict):
    """The parts of a command, which begins with the program."""

    def __init__(self, argv):
        super().__init__()
        self.defined, self.devices, self.globals = {}, [], []  # what devices refer to, by its id
        self.disks = collections.Counter()  # by their device: a guest names them in order
        for option, found in options(argv[1:]):
            getattr(self, "read_" + option, lambda found, option=option: self.add(option, found))(found)
        for device in sorted(self.devices, key=place):
            self.add_device(device)
        for driver, key, value in self.globals:
            self.merge("device " + driver, {key: value})
        self.add_boot_order()

    def add(self, name, found):
        """Adds a part; the second of that name has a number."""
        number, unique = 1, name
        while unique in self:
            number += 1
            unique = f"{name} {number}"
        self[unique] = found

    def merge(self, name, found):
        self[name] = {**self.get(name, {}), **found}

    # options that are more than a part of their own

    def read_machine(self, found):
        if "type" in found:  # libvirt pins the newest version
            found["type"] = re.sub(r"^(?:pc-)?(q35|i440fx|virt)-[\d.]+$", lambda m: m[1], found["type"]).replace("i440fx", "pc")
        for n in "01":
            if f"pflash{n}" in found:
                self.add("pflash " + n, self.drive(found.pop(f"pflash{n}")))
        self.merge("machine", found)

    def read_cpu(self, found):
        self["cpu"] = found  # the last counts

    def read_m(self, found):
        self.merge("memory", found)

    def read_smp(self, found):
        self.merge("smp", found)

    def read_accel(self, found):
        pass  # run-vm chooses it by the host

    def define(self, found):
        self.defined[found.pop("id" if "id" in found else "node-name")] = found

    read_chardev = read_netdev = read_tpmdev = read_fsdev = read_blockdev = define

    def read_object(self, found):
        self.define(found)
        self.add("object " + found["qom-type"], found)

    def read_device(self, found):
        self.devices.append(found)

    def read_vga(self, found):
        self.devices.append({"driver": {"std": "VGA"}[found["value"]]})

    def read_global(self, found):
        if "driver" in found:
            found = {f"{found['driver']}.{found['property']}": found["value"]}
        self.globals += [(*name.rsplit(".", 1), value) for name, value in found.items()]

    def read_net(self, found):
        if found.pop("type") == "nic":
            self.devices.append({"driver": f"{found.pop('model')}-net-pci", **found})

    def read_virtfs(self, found):
        self.add("share " + found.pop("mount_tag"), found)

    def read_drive(self, found):
        if "cache" in found:
            found.update(zip(("cache.direct", "cache.no-flush", "write-cache"), CACHES[found.pop("cache")]))
        kind = found.pop("if", None)
        found.pop("index", None)
        if kind == "pflash":
            self.add("pflash " + found.pop("unit"), found)
        elif kind == "none":
            self.define(found)
        else:
            self.add("drive", found)

    # devices

    def drive(self, name):
        """A drive by its id, or one that is two nodes, in the words of -drive."""
        found = dict(self.defined[name])
        if "driver" not in found:
            return found
        storage = dict(self.defined[found.pop("file")])
        found.update(file=storage.pop("filename"), format=found.pop("driver"), readonly=found.pop("read-only"))
        return {**found, **{"storage." + k: v for k, v in storage.items() if found.get(k) != v}}

    def add_device(self, device):
        driver = ALIASES.get(device["driver"], device["driver"])
        found = {k: v for k, v in device.items() if k not in ("driver", "bus", "addr", "id", "multifunction", "port", "chassis")}
        if "drive" in found:
            drive = self.drive(found.pop("drive"))
            self.disks[driver] += 1
            self.add("disk " + drive.pop("file"), {"device": driver, "position": str(self.disks[driver]), **drive, **found})
            return
        for key in ("fsdev", "netdev", "tpmdev", "chardev", "rng"):
            if found.get(key) in self.defined:
                prefix = "" if key == "fsdev" else key + "."
                found.update({prefix + k: v for k, v in self.defined[found.pop(key)].items()})
        tag = found.pop("mount_tag", None) or found.pop("tag", None)
        self.add(f"share {tag}" if tag else f"channel {found['name']}" if "name" in found else f"device {driver}", found)

    def add_boot_order(self):
        """Adds what is booted, first to last; QEMU refuses two parts in one place."""
        places = collections.defaultdict(list)
        for name, part in self.items():
            if "bootindex" in part:
                places[int(part.pop("bootindex"))].append(name)
        if places:
            self["boot order"] = {"parts": ", ".join(" and ".join(places[n]) for n in sorted(places))}


def differences(ours, theirs):
    """The parts and properties that only run-vm's command has (-) or only libvirt's (+), and other values."""
    r = []
    for name in sorted({**ours, **theirs}):
        if name not in theirs or name not in ours:
            r.append(("-" if name in ours else "+") + name)
            continue
        a, b = ours[name], theirs[name]
        for k in sorted({**a, **b}):
            if k not in b or k not in a:
                r.append(f"{'-' if k in a else '+'}{name}: {k}={a.get(k, b.get(k))}")
            elif a[k] != b[k]:
                r.append(f"{name}: {k}={a[k]} -> {b[k]}")
    return r


# --- libvirt

PROMPT = "virsh # "  # which virsh prints even where nobody types


def emulator(xml):
    """The name of QEMU's program for the domain."""
    arch = re.search(r'<type arch="(\w+)"', xml)[1]
    return "qemu-system-" + {"i686": "i386", "armv7l": "arm"}.get(arch, arch)


def libvirt_commands(domains):
    """The command that libvirt makes of each domain, or its refusal as a string. No daemon: its QEMU driver works in virsh."""
    root = tempfile.mkdtemp(prefix="domains-")
    try:
        script = ""
        for n, xml in enumerate(domains):
            with open(f"{root}/{n}.xml", "w", encoding="utf-8", errors="surrogateescape") as f:
                f.write(re.sub("<emulator>.*</emulator>", f"<emulator>{shutil.which(emulator(xml))}</emulator>", xml))
            script += f"domxml-to-native qemu-argv {root}/{n}.xml\n"
        p = subprocess.run(["virsh", "--quiet", "--connect", f"qemu:///embed?root={root}/driver"], input=script, text=True,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, errors="surrogateescape")
    finally:
        shutil.rmtree(root)
    answers = [a.partition("\n")[2] for a in p.stdout.split(PROMPT) if a.startswith("domxml-to-native")]
    if len(answers) != len(domains):
        raise RuntimeError("virsh: " + p.stdout[-500:])
    return [read_answer(a) for a in answers]


def read_answer(text):
    if text.startswith("error: "):
        return text.strip()
    words = shlex.split(text)
    return words[next(n for n, w in enumerate(words) if w.startswith("/")):]  # variables are before it


# --- the comparison

def read_wanted():
    """The patterns of `domain-differences`; their reasons are indented."""
    with open(HERE + "/domain-differences", encoding="utf-8") as f:
        return [line.rstrip("\n") for line in f if line.strip() and not line.startswith(("#", " "))]


def compare(pairs):
    """For each (domain, run-vm's command) the differences that are not wanted; then the wanted ones that no pair has."""
    wanted, seen, r = read_wanted(), set(), []
    lacking = [None if shutil.which(emulator(xml)) else emulator(xml) + ": is not installed" for xml, _ in pairs]
    commands = iter(libvirt_commands([xml for (xml, _), lacks in zip(pairs, lacking) if not lacks]))
    for (_, argv), lacks in zip(pairs, lacking):
        command = lacks or next(commands)
        found = [command] if isinstance(command, str) else differences(Parts(argv), Parts(command))
        covering = [{p for p in wanted if fnmatch.fnmatchcase(d, p)} for d in found]
        seen.update(*covering)
        r.append([d for d, patterns in zip(found, covering) if not patterns])
    return r, [p for p in wanted if p not in seen]
