"""What other readers make of record files: `python other-readers.py READER FILE.rec ...`, where READER is

- `mxnet`: mx.recordio.MXRecordIO (Python 3.8, mxnet 1.9.1, numpy 1.22),
- `mxnet-cpp`: mx.io.ImageRecordIter, by the .idx beside the file with `mxnet-cpp-index`; images of 112 by 112 pixels,
- `dali`: nvidia.dali.fn.readers.mxnet on the CPU (nvidia-dali-cuda120 2.4.0), by the .idx beside the file,
- `sagemaker`: sagemaker.amazon.common.read_recordio (sagemaker 2.99.0).

Prints a line a file: how many records came, and how it ended. Each file is read in a process of its own, since some readers end
theirs. The table in the package's README says what came of the damaged files of the test oracle.
"""
import subprocess
import sys


def mxnet(path):
    from mxnet import recordio

    reader = recordio.MXRecordIO(path, "r")
    return iter(reader.read, None)


def mxnet_cpp(path, index=None):
    import mxnet

    by_index = {} if index is None else {"path_imgidx": index, "shuffle": True, "seed": 1}
    batches = mxnet.io.ImageRecordIter(
        path_imgrec=path, data_shape=(3, 112, 112), batch_size=1, round_batch=False, verbose=False, **by_index
    )
    return (batch for batch in batches if batch.pad == 0)


def dali(path):
    from nvidia.dali import fn, pipeline_def

    @pipeline_def(batch_size=1, num_threads=1, device_id=None, prefetch_queue_depth=1)
    def records():
        image, label = fn.readers.mxnet(path=[path], index_path=[index_of(path)])
        return image, label

    pipeline = records()
    (meta,) = pipeline.reader_meta().values()
    return (pipeline.run() for _ in range(meta["epoch_size"]))


def sagemaker(path):
    from sagemaker.amazon.common import read_recordio

    return read_recordio(open(path, "rb"))


READERS = {
    "mxnet": mxnet,
    "mxnet-cpp": mxnet_cpp,
    "mxnet-cpp-index": lambda path: mxnet_cpp(path, index_of(path)),
    "dali": dali,
    "sagemaker": sagemaker,
}


def index_of(path):
    return path[: -len(".rec")] + ".idx"


def read(reader, path):
    count = 0
    end = "the end"
    try:
        for _ in READERS[reader](path):
            count += 1
    except Exception as error:
        end = "%s: %s" % (type(error).__name__, (str(error).strip().splitlines() or [""])[-1])
    print("%d records, then %s" % (count, end))


reader, *paths = sys.argv[1:]
if len(paths) == 1:
    read(reader, paths[0])
else:
    for path in paths:
        run = subprocess.run([sys.executable, __file__, reader, path], capture_output=True, text=True, timeout=60)
        lines = run.stdout.strip().splitlines()
        print(path, "|", lines[-1] if run.returncode == 0 and lines else "the process ended with %d" % run.returncode)
