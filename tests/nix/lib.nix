# SPDX-License-Identifier: MIT
# A stand-in for nixpkgs' lib: what run-vm's module uses of it, and a module system in small with its
# rules of priorities, order, merging and submodules.
let
  inherit (builtins) all attrNames concatMap filter foldl' head isAttrs isFunction isPath isString
    length listToAttrs mapAttrs sort stringLength substring;

  nameValues = names: value: listToAttrs (map (name: { inherit name; value = value name; }) names);
  reverse = list: foldl' (reversed: x: [ x ] ++ reversed) [ ] list;
  hasType = type: x: isAttrs x && x._type or null == type;

  # --- properties ---

  property = _type: fields: fields // { inherit _type; };

  # The definitions that remain of mkMerge and mkIf.
  discharge = definition:
    let inherit (definition) value; in
    if hasType "merge" value then
      concatMap (content: discharge (definition // { value = content; })) value.contents
    else if hasType "if" value then
      if value.condition then discharge (definition // { value = value.content; }) else [ ]
    else
      [ definition ];

  # The strongest definitions, in order. Weaker ones are not evaluated.
  strongest = definitions:
    let
      found = concatMap discharge definitions;
      priority = d: if hasType "override" d.value then d.value.priority else 100;
      order = d: if hasType "order" d.value then d.value.priority else 1000;
      strip = type: d: if hasType type d.value then d // { value = d.value.content; } else d;
      highestPrio = foldl' (least: d: if priority d < least then priority d else least) 9999 found;
      kept = map (strip "override") (filter (d: priority d == highestPrio) found);
    in
    {
      inherit highestPrio;
      definitionsWithLocations = map (strip "order") (sort (a: b: order a < order b) kept);
    };

  # Moves the properties around a set of options to each of them.
  pushDown = value:
    if hasType "merge" value then
      concatMap pushDown value.contents
    else if hasType "if" value || hasType "override" value then
      map (mapAttrs (_: content: value // { inherit content; })) (pushDown value.content)
    else
      [ value ];

  # --- modules ---

  evalOption = location: option: definitions:
    let
      own = { inherit (option) file; value = lib.mkOverride 1500 option.default; };
      result = strongest ((if option ? default then [ own ] else [ ]) ++ definitions);
      merged = option.type.merge location result.definitionsWithLocations;
    in
    option // result // {
      value =
        if result.definitionsWithLocations == [ ] then
          throw "The option `${location}' is used but not defined"
        else
          (option.apply or (x: x)) merged;
    };

  # Options of declarations (file, options) and values of definitions (file, value).
  evalTree = prefix: freeform: declarations: definitions:
    let
      pushed = concatMap (d: map (value: d // { inherit value; }) (pushDown d.value)) definitions;
      under = name: key: concatMap (
        x: if x.${key} ? ${name} then [ (x // { ${key} = x.${key}.${name}; }) ] else [ ]
      );
      declared = foldl' (all: d: all // d.options) { } declarations;
      evaluated = mapAttrs (
        name: _:
        let
          location = "${prefix}${name}";
          own = under name "options" declarations;
          defined = under name "value" pushed;
          option = (head own).options // { inherit (head own) file; };
        in
        if hasType "option" option then
          let result = evalOption location option defined; in { options = result; config = result.value; }
        else
          evalTree "${location}." null own defined
      ) declared;
      others = filter (name: !(declared ? ${name})) (concatMap (d: attrNames d.value) pushed);
    in
    {
      options = mapAttrs (_: tree: tree.options) evaluated;
      config =
        (
          if others == [ ] then
            { }
          else if freeform == null then
            throw "The option `${prefix}${head others}' does not exist"
          else
            freeform.merge prefix (
              map (d: d // { value = removeAttrs d.value (attrNames declared); }) pushed
            )
        )
        // mapAttrs (_: tree: tree.config) evaluated;
    };

  readModule = args: { file, module }:
    let
      source = if isPath module || isString module then import module else module;
      at = if isPath module || isString module then toString module else module._file or file;
      body = if isFunction source then source args else source;
    in
    {
      file = at;
      imports = map (module: { inherit module; file = at; }) (body.imports or [ ]);
      options = body.options or { };
      value =
        if body ? options || body ? config then
          body.config or { }
        else
          removeAttrs body [ "_file" "freeformType" "imports" ];
      freeform = body.freeformType or null;
    };

  # Modules, then what they import, then what that imports.
  collect = args: modules:
    let level = map (readModule args) modules; in
    if modules == [ ] then [ ] else level ++ collect args (concatMap (m: m.imports) level);

  evalModules = { modules, specialArgs ? { } }:
    let
      collected = reverse (collect args (map (module: { inherit module; file = "<unknown>"; }) modules));
      freeforms = filter (type: type != null) (map (m: m.freeform) collected);
      args = { inherit lib; } // specialArgs // {
        inherit (tree) options config;
        extendModules = more: evalModules { modules = modules ++ more.modules; inherit specialArgs; };
      };
      extended = definitions: modules ++ map (d: { _file = d.file; imports = [ d.value ]; }) definitions;
      tree = evalTree "" (if freeforms == [ ] then null else head freeforms) collected (
        map (m: { inherit (m) file value; }) collected
      );
    in
    tree // {
      type.merge = _: definitions:
        (evalModules { modules = extended definitions; inherit specialArgs; }).config;
    };

  # --- types ---

  # All definitions must be equal.
  one = {
    merge = location: definitions:
      let values = map (d: d.value) definitions; in
      if length values == 1 || all (value: value == head values) values then
        head values
      else
        throw "The option `${location}' has conflicting definition values";
  };
  element = type: location: definitions:
    type.merge location (strongest definitions).definitionsWithLocations;

  types = {
    anything = {
      merge = location: definitions:
        if all (d: isAttrs d.value) definitions then
          (types.attrsOf types.anything).merge location definitions
        else
          one.merge location definitions;
    };
    attrsOf = type: {
      merge = location: definitions:
        let
          names = concatMap (d: attrNames d.value) definitions;
          named = name: concatMap (
            d: if d.value ? ${name} then [ { inherit (d) file; value = d.value.${name}; } ] else [ ]
          ) definitions;
          defined = filter (name: (strongest (named name)).definitionsWithLocations != [ ]) names;
        in
        nameValues defined (name: element type "${location}.${name}" (named name));
    };
    listOf = type: {
      check = builtins.isList;
      merge = location: concatMap (
        d: map (value: element type location [ { inherit (d) file; inherit value; } ]) d.value
      );
    };
    coercedTo = from: convert: type: type // {
      merge = location: definitions: type.merge location (
        map (d: if from.check d.value then d // { value = convert d.value; } else d) definitions
      );
    };
    submodule = module: (evalModules { modules = [ module ]; }).type;
    enum = values: one;
    bool = one;
    package = one;
    raw = one;
    str = one;
  };

  lib = {
    inherit (builtins) any;
    inherit evalModules foldl' isFunction length mapAttrs types;
    trivial.release = "26.11";
    mkOption = property "option";
    mkIf = condition: content: property "if" { inherit condition content; };
    mkMerge = contents: property "merge" { inherit contents; };
    mkOverride = priority: content: property "override" { inherit priority content; };
    mkDefault = lib.mkOverride 1000;
    mkForce = lib.mkOverride 50;
    mkVMOverride = lib.mkOverride 10;
    mkOrder = priority: content: property "order" { inherit priority content; };
    mkBefore = lib.mkOrder 500;
    mkAfter = lib.mkOrder 1500;
    hasSuffix = suffix: text:
      let from = stringLength text - stringLength suffix; in
      from >= 0 && substring from (stringLength suffix) text == suffix;
    splitString = separator: text: filter isString (builtins.split "[${separator}]" text);
    makeBinPath = packages: builtins.concatStringsSep ":" (map (package: "${package}/bin") packages);
    versionAtLeast = a: b: builtins.compareVersions a b >= 0;
    genAttrs = nameValues;
    filterAttrs = condition: set: removeAttrs set (
      filter (name: !(condition name set.${name})) (attrNames set)
    );
    optionalAttrs = condition: set: if condition then set else { };
    attrByPath = path: default: set: foldl' (
      found: name: if isAttrs found && found ? ${name} then found.${name} else default
    ) set path;
    setAttrByPath = path: value: foldl' (inner: name: { ${name} = inner; }) value (reverse path);
    recursiveUpdate = a: b:
      if isAttrs a && isAttrs b then
        a // mapAttrs (name: value: if a ? ${name} then lib.recursiveUpdate a.${name} value else value) b
      else
        b;
  };
in
lib
