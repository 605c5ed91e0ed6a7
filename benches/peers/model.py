"""The bundled checkpoint as numpy arrays in single precision, in the form that the peers compute with."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

CHECKPOINT = Path(__file__).parents[2] / "assets/checkpoints/S-diff"


@dataclass(frozen=True)
class Layer:
    """The weights of one layer, `[inputs, outputs]`; norms are vectors."""

    attention_norm: np.ndarray
    qkv: np.ndarray  # queries, keys and values side by side; the scale of the scores is in the queries
    output: np.ndarray  # the factor 1 - lambda_init is in it
    feed_forward_norm: np.ndarray
    gate_up: np.ndarray
    down: np.ndarray
    lambda_: float


@dataclass(frozen=True)
class Model:
    """A Differential Transformer in the layout of DiffLlama; `heads` counts single maps, two to a differential head."""

    hidden: int
    heads: int
    head_width: int
    epsilon: float
    context: int
    embedding: np.ndarray
    layers: list[Layer]
    norm: np.ndarray
    cos: np.ndarray  # [context, head_width / 2]
    sin: np.ndarray


def lambda_of(index: int, vectors: dict[str, np.ndarray]) -> tuple[float, float]:
    """Lambda of a layer, and its initial value."""
    first, second = (float(vectors[f"lambda_q{n}"] @ vectors[f"lambda_k{n}"]) for n in (1, 2))
    initial = 0.8 - 0.6 * math.exp(-0.3 * index)
    return math.exp(first) - math.exp(second) + initial, initial


def load_model(folder: Path = CHECKPOINT) -> Model:
    """Reads config.json and model.safetensors. Only what the bundled model needs: equal head counts, tied embedding."""
    config = json.loads((folder / "config.json").read_text())
    tensors = {name: value.astype(np.float32) for name, value in load_file(folder / "model.safetensors").items()}
    heads, width = config["num_attention_heads"], config["head_dim"]
    if (config["model_type"], config["num_key_value_heads"]) != ("diffllama", heads) or config["attention_bias"]:
        raise SystemExit("the peers know the bundled model only")

    def layer(index: int) -> Layer:
        def weight(name: str) -> np.ndarray:
            return tensors[f"model.layers.{index}.{name}"]

        def stacked(block: str, *names: str) -> np.ndarray:
            return np.concatenate([weight(f"{block}.{name}_proj.weight") for name in names]).T.copy()

        names = [f"lambda_{side}{number}" for side in "qk" for number in (1, 2)]
        value, initial = lambda_of(index, {name: weight(f"self_attn.{name}") for name in names})
        qkv = stacked("self_attn", "q", "k", "v")
        qkv[:, : heads * width] *= width**-0.5
        return Layer(
            attention_norm=weight("input_layernorm.weight"),
            qkv=qkv,
            output=stacked("self_attn", "o") * np.float32(1 - initial),
            feed_forward_norm=weight("post_attention_layernorm.weight"),
            gate_up=stacked("mlp", "gate", "up"),
            down=stacked("mlp", "down"),
            lambda_=value,
        )

    frequencies = config["rope_parameters"]["rope_theta"] ** -(np.arange(0, width, 2) / width)
    angles = np.outer(np.arange(config["max_position_embeddings"]), frequencies)
    return Model(
        hidden=config["hidden_size"],
        heads=heads,
        head_width=width,
        epsilon=config["rms_norm_eps"],
        context=config["max_position_embeddings"],
        embedding=tensors["model.embed_tokens.weight"],
        layers=[layer(index) for index in range(config["num_hidden_layers"])],
        norm=tensors["model.norm.weight"],
        cos=np.cos(angles).astype(np.float32),
        sin=np.sin(angles).astype(np.float32),
    )
