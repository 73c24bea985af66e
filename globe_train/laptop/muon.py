"""Muon for the matrices inside a model, AdamW for the rest: both are torch's; here they are one optimizer.

A model that begins with random weights learns to see two to three times faster with it than with AdamW alone
(`docs/decisions/0006-training.md`). Muon (Jordan et al., 2024) is defined for matrices only, so embeddings, norms,
biases and the convolution keep AdamW. Not for a published checkpoint, whose weights another optimizer has shaped, and
not under DeepSpeed or FSDP, which cut matrices into pieces.
"""

from __future__ import annotations

from typing import Any

import torch


class MuonAndAdamW(torch.optim.Optimizer):
    """One optimizer of two, which share learning rate and weight decay.

    Muon's steps are scaled to the size of AdamW's (`match_rms_adamw`), so that one learning rate fits both.
    """

    def __init__(
        self, model: torch.nn.Module, lr: float, weight_decay: float, betas: tuple[float, float], eps: float
    ) -> None:
        matrices, rest = matrices_and_rest(model)
        self.parts = (
            torch.optim.Muon(matrices, lr=lr, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(rest, lr=lr, weight_decay=weight_decay, betas=betas, eps=eps),
        )
        super().__init__([{"params": [*matrices, *rest]}], {"lr": lr})

    # A scheduler writes the learning rate into these groups, so they must be those that the parts read.
    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of both parts."""
        return [group for part in self.parts for group in part.param_groups]

    @param_groups.setter
    def param_groups(self, groups: list[dict[str, Any]]) -> None:
        """Nothing: the groups are the parts'."""

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Nothing: the weights were shared out when the parts were made."""

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step of both."""
        if closure is not None:
            raise NotImplementedError("a closure")
        for part in self.parts:
            part.step()  # type: ignore[no-untyped-call]

    def state_dict(self) -> dict[str, Any]:
        """The states of both."""
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the states of both."""
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)


def matrices_and_rest(model: torch.nn.Module) -> tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]]:
    """The trainable weights of a model: matrices that map features to features, and the rest.

    >>> [len(part) for part in matrices_and_rest(torch.nn.Sequential(torch.nn.Embedding(9, 4), torch.nn.Linear(4, 4)))]
    [1, 2]
    """
    tables = {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)}
    matrices: list[torch.nn.Parameter] = []
    rest: list[torch.nn.Parameter] = []
    for weight in model.parameters():
        if weight.requires_grad:
            (matrices if weight.ndim == 2 and id(weight) not in tables else rest).append(weight)
    return matrices, rest


def arguments(config: Any) -> tuple[Any, dict[str, Any]]:
    """What makes the optimizer of a trainer of transformers (its `optimizer_cls_and_kwargs`)."""
    given = {
        "lr": config.learning_rate,
        "weight_decay": config.weight_decay,
        "betas": (config.adam_beta1, config.adam_beta2),
        "eps": config.adam_epsilon,
    }
    return lambda: MuonAndAdamW, given
