"""Reads an event file with TensorBoard's own reader and prints its scalars as JSON: {tag: [[step, value], ...]}.

    pip install tensorboard
    python tooling/oracles/tensorboard/read_events.py RUN/tensorboard
"""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1])
events.Reload()
print(json.dumps({tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}))
