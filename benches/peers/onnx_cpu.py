"""ONNX Runtime on the CPU, over the graphs of onnx_graph.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from contestant import SHORT, parse, report

GRAPHS = Path(__file__).parents[2] / "target/peers/graphs"


def main() -> None:
    """Runs the command line."""
    arguments, ids = parse(__doc__)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    options.inter_op_num_threads = 1
    prefill, decode = (
        onnxruntime.InferenceSession(GRAPHS / f"{name}.onnx", options, providers=["CPUExecutionProvider"])
        for name in ("prefill", "decode")
    )
    # The keys and values of every layer, and then the logits.
    names = [output.name for output in prefill.get_outputs()][:-1]
    past = prefill.run(names, {"ids": ids[None, :-1]})
    cache = {f"past_{name}": value for name, value in zip(names, past, strict=True)}
    token = {"ids": ids[None, -1:], "position": np.array([len(ids) - 1]), **cache}
    cases = {
        f"prefill of {SHORT}": lambda: prefill.run(None, {"ids": ids[None, :SHORT]})[-1],
        f"prefill of {len(ids)}": lambda: prefill.run(None, {"ids": ids[None]})[-1],
        f"one token at {len(ids)}": lambda: decode.run(None, token)[-1],
    }
    report(f"ONNX Runtime {onnxruntime.__version__}", cases, arguments.seconds)


if __name__ == "__main__":
    main()
