"""Checks ONNX files with onnx.checker, shapes inferred in full: python check_models.py FILE..."""
import sys

import onnx

faults = 0
for path in sys.argv[1:]:
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        [output] = model.graph.output
        print(f"ok   {path} {len(model.graph.node)} nodes, opset {model.opset_import[0].version}, {output.name}")
    except Exception as error:  # whatever the checker has against the file
        faults += 1
        print(f"BAD  {path}: {error}")
sys.exit(1 if faults else 0)
