"""Takes out of TensorFlow's wheels what tfjs-node's binding needs: two libraries, the headers of the C interface, and,
where there are any, NVIDIA's libraries.

    python3 extract-libtensorflow.py WHEELS DEPS

DEPS gets `lib/` and `include/` as tfjs-node's own download would make them. NVIDIA's packages go to `nvidia/` beside
`lib/`, where TensorFlow's libraries look for them.
"""

import glob
import os
import shutil
import sys
import zipfile

LIBRARIES = ("libtensorflow_cc.so.2", "libtensorflow_framework.so.2")
HEADERS = ("tensorflow/c/", "tensorflow/core/platform/", "tsl/platform/", "xla/tsl/c/")


def main(wheels: str, deps: str) -> None:
    for path in sorted(glob.glob(os.path.join(wheels, "*.whl"))):
        with zipfile.ZipFile(path) as wheel:
            for entry in wheel.infolist():
                target = place(entry.filename)
                if target is None or entry.is_dir():
                    continue
                target = os.path.join(deps, target)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with wheel.open(entry) as source, open(target, "wb") as sink:
                    shutil.copyfileobj(source, sink, 1 << 20)
    library = os.path.join(deps, "lib")
    for name in LIBRARIES:
        if not os.path.exists(os.path.join(library, name)):
            sys.exit(f"expected {name} in a wheel of {wheels}, found none: this TensorFlow is packed in another way")
    # The names that the linker asks for.
    os.symlink(LIBRARIES[0], os.path.join(library, "libtensorflow.so"))
    os.symlink(LIBRARIES[1], os.path.join(library, "libtensorflow_framework.so"))


def place(name: str) -> "str | None":
    """Where an entry of a wheel goes, or None."""
    folder, _, rest = name.partition("/")
    if folder == "nvidia" and ".so" in rest:
        return name
    if folder == "tensorflow" and rest in LIBRARIES:
        return f"lib/{rest}"
    if folder == "tensorflow" and rest.startswith(tuple(f"include/{header}" for header in HEADERS)):
        return rest
    return None


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
