# SPDX-License-Identifier: MIT
# Derivations of every kind that a database can tell apart by their outputs: several outputs, a
# fixed output (a file, a tree), text that needs escapes, sources.
let
  make = name: more: derivation ({
    inherit name;
    system = builtins.currentSystem;
    builder = "/bin/sh";
    args = [ "-c" "echo \"quoted\\\n\t\" > $out" ];
  } // more);
  file = make "file.tar" {
    outputHash = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
    outputHashAlgo = "sha256";
  };
  tree = make "tree" {
    outputHash = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
    outputHashAlgo = "sha256";
    outputHashMode = "recursive";
  };
  several = make "several" {
    outputs = [ "out" "dev" "a-lib" ];
    text = "we\"ird\n\t\\ ${file}";
  };
  text = builtins.toFile "text" "hello";
in
[ file tree several (make "top" { inherit several text; dev = several.dev; other = tree; }) ]
