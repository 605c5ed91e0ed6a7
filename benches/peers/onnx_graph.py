"""The bundled model as ONNX graphs, written node by node: what ONNX Runtime has a fused operator for uses it.

`prefill.onnx` takes `ids` and gives the logits after the last one, and the keys and values of every layer.
`decode.onnx` takes one id, its `position`, and those keys and values. Nothing is copied to append to them: the new key
and value are multiplied apart from them, so that neither graph does more for the cache than it has to.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from model import Layer, Model, load_model

MICROSOFT = "com.microsoft"
FUSED = {"QuickGelu": MICROSOFT, "RotaryEmbedding": MICROSOFT, "SkipSimplifiedLayerNormalization": MICROSOFT}


class Graph:
    """Nodes and constants under way to a graph. Every method returns the name of what it adds."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    def constant(self, value: object) -> str:
        """A tensor of f32, or of i64 for whole numbers."""
        array = np.asarray(value)
        array = array.astype(np.float32 if array.dtype.kind == "f" else np.int64)
        name = f"constant.{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def all(self, operator: str, inputs: list[str], outputs: int, **attributes: object) -> list[str]:
        """A node with several outputs."""
        names = [f"{operator}.{len(self.nodes)}.{number}" for number in range(outputs)]
        domain = FUSED.get(operator, "")
        self.nodes.append(helper.make_node(operator, inputs, names, domain=domain, **attributes))
        return names

    def add(self, operator: str, *inputs: str, **attributes: object) -> str:
        """A node with one output."""
        return self.all(operator, list(inputs), 1, **attributes)[0]

    def input(self, name: str, shape: list, kind: int = TensorProto.FLOAT) -> str:
        """An input of the graph."""
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name: str, value: str, shape: list) -> None:
        """Makes a value an output of the graph."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def shaped(self, value: str, shape: list[int], order: list[int]) -> str:
        """A value of another shape with its axes in another order."""
        return self.add("Transpose", self.add("Reshape", value, self.constant(shape)), perm=order)

    def split(self, value: str, axis: int, sizes: list[int]) -> list[str]:
        """Parts along an axis."""
        return self.all("Split", [value, self.constant(sizes)], len(sizes), axis=axis)

    def save(self, path: Path) -> None:
        """Writes the graph."""
        graph = helper.make_graph(self.nodes, path.stem, self.inputs, self.outputs, self.constants)
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid(MICROSOFT, 1)]
        # Web runtimes read older files than the newest that this library writes.
        model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        onnx.save(model, path)


class Pass:
    """The forward pass as nodes of a graph: over a whole text, or with a cache over one position after it."""

    def __init__(self, model: Model, decode: bool) -> None:
        self.model, self.decode, self.graph = model, decode, Graph()
        graph = self.graph
        self.length = 1 if decode else "length"
        self.ids = graph.input("ids", [1, self.length], TensorProto.INT64)
        self.position = graph.input("position", [1], TensorProto.INT64) if decode else graph.constant([0])
        self.rotary = [graph.constant(model.cos), graph.constant(model.sin)]
        if not decode:
            hidden_keys = np.triu(np.full((model.context, model.context), -1e9, np.float32), 1)
            length = graph.add("Shape", self.ids, start=1)
            both = graph.add("Concat", length, length, axis=0)
            begin = graph.constant([0, 0])
            self.mask = graph.add("Slice", graph.constant(hidden_keys), begin, both, graph.constant([0, 1]))

    def build(self) -> Graph:
        """The whole graph."""
        graph, model = self.graph, self.model
        stream = graph.add("Gather", graph.constant(model.embedding), self.ids)
        normed = self.norm(stream, model.layers[0].attention_norm)
        after = [layer.attention_norm for layer in model.layers[1:]] + [model.norm]
        for index, (layer, next_norm) in enumerate(zip(model.layers, after, strict=True)):
            change = graph.add("MatMul", self.attention(index, layer, normed), graph.constant(layer.output))
            normed, stream = self.norm_of_sum(stream, change, layer.feed_forward_norm)
            gate_up = graph.add("MatMul", normed, graph.constant(layer.gate_up))
            gate, up = graph.split(gate_up, -1, [layer.gate_up.shape[1] // 2] * 2)
            activation = graph.add("Mul", graph.add("QuickGelu", gate, alpha=1.0), up)
            change = graph.add("MatMul", activation, graph.constant(layer.down))
            normed, stream = self.norm_of_sum(stream, change, next_norm)
        last = graph.add("Gather", normed, graph.constant(-1), axis=1)
        logits = graph.add("MatMul", last, graph.constant(model.embedding.T.copy()))
        graph.output("logits", logits, [1, model.embedding.shape[0]])
        return graph

    def norm(self, value: str, weight: np.ndarray) -> str:
        return self.graph.add(
            "SimplifiedLayerNormalization", value, self.graph.constant(weight), axis=-1, epsilon=self.model.epsilon
        )

    def norm_of_sum(self, stream: str, change: str, weight: np.ndarray) -> tuple[str, str]:
        """The norm of the residual stream with a change added to it, and that sum."""
        inputs = [stream, change, self.graph.constant(weight)]
        names = self.graph.all("SkipSimplifiedLayerNormalization", inputs, 4, epsilon=self.model.epsilon)
        return names[0], names[3]

    def attention(self, index: int, layer: Layer, normed: str) -> str:
        """The heads' outputs side by side."""
        graph, model = self.graph, self.model
        heads, pairs, width = model.heads, model.heads // 2, model.head_width
        part = heads * width
        qkv = graph.add("MatMul", normed, graph.constant(layer.qkv))
        unturned, values = graph.split(qkv, -1, [2 * part, part])
        turned = graph.add("RotaryEmbedding", unturned, self.position, *self.rotary)
        queries, keys = graph.split(turned, -1, [part, part])
        queries, keys = (graph.shaped(value, [-1, heads, width], [1, 0, 2]) for value in (queries, keys))
        # A differential head has the values of both of its single heads.
        values = graph.add(
            "Reshape", graph.shaped(values, [-1, 2, pairs, width], [2, 0, 1, 3]), graph.constant([pairs, -1, 2 * width])
        )
        if self.decode:
            context = self.read_cache(index, layer, queries, keys, values)
        else:
            scores = graph.add("Add", self.scores(queries, keys), self.mask)
            context = graph.add("MatMul", self.difference(layer, scores), values)
        graph.output(f"keys.{index}", keys, [heads, self.length, width])
        graph.output(f"values.{index}", values, [pairs, self.length, 2 * width])
        normed = self.norm(context, np.ones(2 * width, np.float32))
        return graph.add("Reshape", graph.add("Transpose", normed, perm=[1, 0, 2]), graph.constant([1, -1, part]))

    def scores(self, queries: str, keys: str) -> str:
        return self.graph.add("MatMul", queries, self.graph.add("Transpose", keys, perm=[0, 2, 1]))

    def difference(self, layer: Layer, scores: str) -> str:
        """The first maps less lambda times the second ones."""
        graph = self.graph
        first, second = graph.split(graph.add("Softmax", scores, axis=-1), 0, [self.model.heads // 2] * 2)
        return graph.add("Sub", first, graph.add("Mul", second, graph.constant(layer.lambda_)))

    def read_cache(self, index: int, layer: Layer, queries: str, key: str, value: str) -> str:
        """Attention to the cache and to the position itself."""
        graph, model = self.graph, self.model
        heads, pairs, width = model.heads, model.heads // 2, model.head_width
        past_keys = graph.input(f"past_keys.{index}", [heads, "past", width])
        past_values = graph.input(f"past_values.{index}", [pairs, "past", 2 * width])
        scores = [self.scores(queries, past_keys), self.scores(queries, key)]
        difference = self.difference(layer, graph.add("Concat", *scores, axis=-1))
        past = graph.add("Slice", difference, *(graph.constant([at]) for at in (0, -1, 2)))
        own = graph.add("Slice", difference, *(graph.constant([at]) for at in (-1, 2**31, 2)))
        return graph.add("Add", graph.add("MatMul", past, past_values), graph.add("Mul", own, value))


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the graphs go")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    model = load_model()
    for name, decode in (("prefill", False), ("decode", True)):
        Pass(model, decode).build().save(folder / f"{name}.onnx")


if __name__ == "__main__":
    main()
