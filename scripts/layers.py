"""Checks that each target imports only what its layer may see, and a few habits that a compiler does not know.

The layer of a module is the folder it lies in: Sources/<Layer>/<Module>. The rules are those of docs/ARCHITECTURE.md.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ROOT / "Sources"

# layer -> layers it may import whole, and single modules of other layers.
ALLOWED = {
    "Core": ({"Core"}, set()),
    "Bindings": ({"Core", "Bindings"}, set()),
    "Clients": ({"Core", "Bindings", "Clients"}, set()),
    "Formats": ({"Core", "Formats"}, {"Compression"}),
    "Adapters": ({"Core", "Bindings", "Clients", "Formats", "Adapters"}, set()),
    "Stores": ({"Core", "Bindings", "Stores"}, set()),
    "Services": ({"Core", "Formats", "Services"}, {"SluiceCatalog", "Compression"}),
    "Edge": ({"Core", "Formats", "Services", "Edge"}, {"SluiceCatalog", "Crypto", "Compression"}),
    "App": ({"Core", "Bindings", "Clients", "Formats", "Adapters", "Stores", "Services", "Edge", "App"}, set()),
    "Support": ({"Core", "Formats", "Stores", "Services", "Edge", "Support"}, {"Compression"}),
}
IMPORT = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+"
    r"(?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)?(\w+)",
    re.MULTILINE,
)
HABITS = [
    (
        re.compile(r"^\s*(?:\w+\s+)?import Foundation\b", re.MULTILINE),
        "imports Foundation; FoundationEssentials is enough",
    ),
    (re.compile(r"\btry!"), "uses try!"),
    (re.compile(r"\bfatalError\("), "uses fatalError"),
    (re.compile(r"\bTask\.detached\b"), "detaches a task"),
    (re.compile(r"\b(?:TODO|FIXME)\b"), "has an open end"),
]
CODE_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)


def modules():
    """Name -> (layer, whether it is C)."""
    found = {}
    for folder in sorted(SOURCES.glob("*/*")):
        if folder.is_dir():
            is_c = not any(folder.rglob("*.swift"))
            found[folder.name] = (folder.parent.name, is_c)
    return found


def main():
    known = modules()
    faults = []
    for path in sorted(SOURCES.rglob("*.swift")):
        layer, module = path.relative_to(SOURCES).parts[:2]
        text = path.read_text()
        where = path.relative_to(ROOT)
        if layer not in ALLOWED:
            faults.append(f"{where}: no layer is called {layer}")
            continue
        layers, singles = ALLOWED[layer]
        for match in IMPORT.finditer(CODE_COMMENT.sub("", text)):
            name = match.group(1)
            if name not in known or name == module:
                continue
            other, is_c = known[name]
            if is_c and other == "Bindings" and layer != "Bindings":
                faults.append(f"{where}: imports the C module {name}; only its binding does")
            elif other not in layers and name not in singles:
                faults.append(f"{where}: {layer} may not import {name} of {other}")
        code = CODE_COMMENT.sub("", text)
        for pattern, complaint in HABITS:
            checked = text if "open end" in complaint else code
            if pattern.search(checked):
                faults.append(f"{where}: {complaint}")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
