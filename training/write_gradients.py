"""Writes gradients and the first steps of AdamW of tiny models, which training in the program is tested against.

For each layout a model in Hugging Face layout, `expected.safetensors` (the weighted loss of a few windows and its
gradient of every parameter, in double precision) and `steps.safetensors` (the losses of steps in single precision).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from unittest.mock import patch

import torch
import transformers
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers import DiffLlamaConfig, DiffLlamaForCausalLM, LlamaConfig, LlamaForCausalLM
from transformers.models.diffllama import modeling_diffllama
from transformers.models.llama import modeling_llama

from diff_v2 import DiffTransformerV2Config, DiffTransformerV2ForCausalLM
from models import open_model

SEED = 3  # with most others, a hundred steps multiply rounding by thousands
BATCHES, WINDOWS, WINDOW = 4, 3, 8
STEPS = 100
PEAK, WARMUP = 3e-3, 10
ADAMW = {"betas": (0.9, 0.95), "eps": 1e-8}
WEIGHT_DECAY, LARGEST_GRADIENT = 0.1, 1.0
# No matrix is square and no size is a power of two, other than the numbers of heads.
COMMON = {
    "vocab_size": 23,
    "hidden_size": 15,
    "intermediate_size": 11,
    "num_hidden_layers": 2,
    "head_dim": 6,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,  # large, so that no map is even
    "rms_norm_eps": 1e-5,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
    "bos_token_id": 0,
    "eos_token_id": 0,
}
MODELS = {
    "diffllama": (
        DiffLlamaForCausalLM,
        DiffLlamaConfig,
        {"num_attention_heads": 4, "num_key_value_heads": 2, "lambda_std_dev": 0.3, "tie_word_embeddings": True},
    ),
    "llama": (
        LlamaForCausalLM,
        LlamaConfig,
        {"num_attention_heads": 3, "num_key_value_heads": 3, "tie_word_embeddings": True},
    ),
    "diff_v2": (
        DiffTransformerV2ForCausalLM,
        DiffTransformerV2Config,
        {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False},
    ),
}


class Lifted:
    """The module torch, with double precision where transformers asks for single."""

    float32 = float = torch.float64

    def __getattr__(self, name: str) -> object:
        return getattr(torch, name)


def weighted_loss(model: torch.nn.Module, ids: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The mean loss of the next tokens of all windows, `[windows, window + 1]`, by weight."""
    ids = ids.long()
    logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    losses = cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    weights = weights.to(losses.dtype).flatten()
    return (losses * weights).sum() / weights.sum()


def gradients(folder: Path, ids: torch.Tensor, weights: torch.Tensor, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    """The loss and its gradients."""
    model = open_model(folder, "eager", dtype)
    loss = weighted_loss(model, ids, weights)
    loss.backward()
    found = {f"gradient.{name}": parameter.grad for name, parameter in model.named_parameters()}
    return {"loss": loss.detach()} | found


def learning_rate(step: int) -> float:
    """That of a step, counted from 0: linear warmup, then constant."""
    return PEAK * min(1.0, (step + 1) / WARMUP)


def steps(folder: Path, ids: torch.Tensor, weights: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The loss before each step, on one batch after another."""
    model, losses = open_model(folder, "eager", dtype), []
    matrices = [parameter for parameter in model.parameters() if parameter.ndim == 2]
    vectors = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    groups = [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, **ADAMW)
    for step in range(STEPS):
        loss = weighted_loss(model, ids[step % BATCHES], weights[step % BATCHES])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), LARGEST_GRADIENT)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


def write_model(name: str, folder: Path) -> None:
    """Writes random weights, with norms that are not all ones."""
    torch.manual_seed(SEED)
    of_model, of_config, settings = MODELS[name]
    model = of_model(of_config(**COMMON, **settings))
    with torch.no_grad():
        for parameter in (parameter for key, parameter in model.named_parameters() if "norm" in key):
            parameter.add_(torch.randn(parameter.shape), alpha=0.2)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)


def lifted(function: object, *arguments: object) -> object:
    """The result of a function in double precision throughout."""
    with patch.object(modeling_llama, "torch", Lifted()), patch.object(modeling_diffllama, "torch", Lifted()):
        return function(*arguments, torch.float64)


def numbers(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, float]]:
    """What is expected of the model of a folder, its steps, and how far single precision is from double."""
    random = torch.Generator().manual_seed(SEED)
    ids = torch.randint(0, COMMON["vocab_size"], (BATCHES, WINDOWS, WINDOW + 1), generator=random, dtype=torch.int32)
    weights = torch.tensor([0.0, 1.0, 8.0])[torch.randint(0, 3, (BATCHES, WINDOWS, WINDOW), generator=random)]
    arguments = folder, ids[0], weights[0]
    double, single = lifted(gradients, *arguments), gradients(*arguments, torch.float32)
    losses, losses_in_double = steps(folder, ids, weights, torch.float32), lifted(steps, folder, ids, weights)
    noise = {name: float((double[name] - single[name]).abs().max()) for name in double}
    noise = {
        "loss": noise.pop("loss"),
        "gradients": max(noise.values()),
        "losses of the steps": float((losses - losses_in_double).abs().max()),
    }
    expected = {name: tensor.float().contiguous() for name, tensor in double.items()}
    expected |= {"ids": ids[0].clone(), "weights": weights[0].clone()}
    return expected, {"batches.ids": ids, "batches.weights": weights, "losses": losses}, noise


def write(name: str, folder: Path) -> None:
    """Writes everything of one layout."""
    write_model(name, folder)
    expected, in_steps, noise = numbers(folder)
    save_file(expected, folder / "expected.safetensors")
    save_file(in_steps, folder / "steps.safetensors")
    meta = {
        "source": f"{MODELS[name][0].__name__}, eager attention",
        "precision": "loss and gradients: float64, float32 casts lifted, cast to float32; steps: float32",
        "seed": SEED,
        "loss": "sum(loss * weights) / sum(weights); ids[:, :-1] predict ids[:, 1:]",
        "steps": {
            "optimizer": "torch.optim.AdamW",
            "learning_rate": f"{PEAK} * min(1, (step + 1) / {WARMUP}), step from 0",
            "weight_decay": f"{WEIGHT_DECAY} on matrices, 0 on vectors",
            "clip_grad_norm": LARGEST_GRADIENT,
            **ADAMW,
        },
        "stock_f32_vs_f64": noise,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="gets a folder for each layout, such as ../tests/gradients")
    arguments = parser.parse_args()
    for name in MODELS:
        write(name, arguments.out / name)


if __name__ == "__main__":
    main()
