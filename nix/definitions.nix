# SPDX-License-Identifier: MIT
# Definitions of options as run-vm reads them: those of the user, of the test framework and of other
# modules. An option's value would also hold what nixpkgs' own module defines, such as the disks and
# QEMU options of its script, and run-vm adds its own.
{ lib, modulesPath }:
let
  # The modules of nixpkgs whose definitions run-vm makes itself, or does without: their files in
  # modulesPath, since a user's own may be called the same.
  replaced = [
    "/virtualisation/qemu-vm.nix"
    "/virtualisation/disk-size-option.nix"
    "/profiles/qemu-guest.nix"
    "/system/boot/kernel.nix"
  ];
  isReplaced = definition:
    lib.any (file: toString definition.file == "${toString modulesPath}${file}") replaced;

  # The priority of a definition without mkOverride, and that of an option's own default.
  ordinaryPriority = 100;
  optionDefaultPriority = 1500;

  # The values before and after the replaced definitions. The module system has sorted them by
  # mkBefore and mkAfter. Without replaced definitions, every value is before.
  split = option: lib.foldl' (
    parts: definition:
    if isReplaced definition then
      parts // { side = "after"; }
    else
      parts // { ${parts.side} = parts.${parts.side} ++ [ (asJson option definition.value) ]; }
  ) { side = "before"; before = [ ]; after = [ ]; } option.definitionsWithLocations;

  asJson = option: if option ? nameSet then enabledNames option else evaluateModules option;

  # A set of names, which may also be a list, as the list of those that no definition turns off.
  nameSets = [ "boot.initrd.availableKernelModules" "boot.initrd.kernelModules" ];
  enabledNames = option: definition:
    builtins.filter (name: !builtins.isString name || builtins.elem name option.value) (
      if builtins.isAttrs definition then builtins.attrNames definition else definition
    );

  # Whether a function, which is no JSON, is in a definition. Of a package only the path is passed.
  hasFunction = x:
    lib.isFunction x
    || builtins.isList x && lib.any hasFunction x
    || builtins.isAttrs x && !(x ? outPath) && lib.any hasFunction (builtins.attrValues x);

  # The value in place of a submodule's definition that is a function or a file, with its priority.
  evaluate = value: part:
    if part ? _type && part ? content then
      part // { content = evaluate value part.content; }
    else if hasFunction part || builtins.isPath part then
      value
    else
      part;

  # Submodules that are defined by functions or files, neither of which is JSON, by their values. One
  # that has no value is behind a false mkIf.
  evaluateModules = option: definition:
    if builtins.isAttrs definition && !(definition ? _type) && !(definition ? outPath) then
      lib.mapAttrs (
        name: part:
        evaluate (option.value.${name} or (lib.mkMerge [ ])) part
      ) definition
    else if hasFunction definition then
      throw "The option `${option.loc}' has a function in a list, which run-vm cannot read: write a set."
    else
      definition;

  definitionsOf = option:
    let
      parts = split option;
      before = map (
        value: if parts.side == "after" && builtins.isList value then lib.mkBefore value else value
      ) parts.before;
    in
    before ++ parts.after;

  # The definitions together. The value is asked for only so that the module system checks it.
  definition = option:
    let
      values = definitionsOf option;
      merged = if builtins.length values == 1 then builtins.head values else lib.mkMerge values;
    in
    builtins.seq option.value (
      if option.highestPrio == ordinaryPriority then
        merged
      else
        lib.mkOverride option.highestPrio merged
    );

  isDefined = option:
    (option.definitionsWithLocations or [ ]) != [ ]
    && option.highestPrio < optionDefaultPriority
    && definitionsOf option != [ ];
in
# The definitions of the named options, as a set of sets. An option that this nixpkgs does not have,
# or that nobody else defines, is left out: run-vm knows the defaults.
options: names:
lib.foldl' lib.recursiveUpdate { } (
  map (
    name:
    let
      path = lib.splitString "." name;
      option =
        lib.attrByPath path { } options
        // { loc = name; }
        // lib.optionalAttrs (builtins.elem name nameSets) { nameSet = true; };
    in
    lib.optionalAttrs (isDefined option) (lib.setAttrByPath path (definition option))
  ) names
)
