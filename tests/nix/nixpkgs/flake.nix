# SPDX-License-Identifier: MIT
{
  outputs = _: {
    inherit (import ./. { system = "x86_64-linux"; }) lib;
    legacyPackages = {
      x86_64-linux = import ./. { system = "x86_64-linux"; };
      aarch64-linux = import ./. { system = "aarch64-linux"; };
    };
  };
}
