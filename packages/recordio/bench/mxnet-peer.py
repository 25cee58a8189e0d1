"""Reads a .rec with MXNet's own Python reader, timed: `python mxnet-peer.py FILE.rec FILE.idx ORDER.txt sequential|random`.

Prints the seconds and the bytes of payload. Opening the files (MXNet parses the index then) is not timed, as it is not in
the other reader. Started by against-mxnet.ts; needs Python 3.8 with mxnet 1.9.1 and numpy 1.22.
"""
import json
import sys
import time

from mxnet import recordio

records, index, order, mode = sys.argv[1:]
size = 0
if mode == "sequential":
    reader = recordio.MXRecordIO(records, "r")
    started = time.perf_counter()
    while True:
        payload = reader.read()
        if payload is None:
            break
        size += len(payload)
else:
    reader = recordio.MXIndexedRecordIO(index, records, "r")
    with open(order) as lines:
        keys = [int(line) for line in lines]
    started = time.perf_counter()
    for key in keys:
        size += len(reader.read_idx(key))
seconds = time.perf_counter() - started
print(json.dumps({"seconds": seconds, "bytes": size}))
