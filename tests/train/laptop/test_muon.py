"""Two optimizers as one: against the two, each on its own weights."""

from __future__ import annotations

import copy

import pytest
import torch

from globe_train.laptop.muon import MuonAndAdamW, split

GIVEN = {"lr": 0.01, "weight_decay": 0.1, "betas": (0.9, 0.98), "eps": 1e-8}


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Embedding(11, 8), torch.nn.Linear(8, 6), torch.nn.LayerNorm(6))


def train(model: torch.nn.Module, optimizers: list, steps: range, schedulers: list = ()) -> list[torch.Tensor]:
    for step in steps:
        loss = model(torch.tensor([step % 11, (step + 3) % 11])).pow(2).mean()
        loss = loss + model(torch.tensor([5])).sin().sum()
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for one in [*optimizers, *schedulers]:
            one.step()
    return [weight.detach().clone() for weight in model.parameters()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_it_steps_as_the_two_do(model: torch.nn.Module) -> None:
    other = copy.deepcopy(model)
    optimizer = MuonAndAdamW(model, **GIVEN)
    apart = [
        torch.optim.Muon([other[1].weight], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(
            [other[0].weight, other[1].bias, *other[2].parameters()], lr=0.01, weight_decay=0.1, betas=(0.9, 0.98)
        ),
    ]
    halve = torch.optim.lr_scheduler.LambdaLR
    after = train(model, [optimizer], range(6), [halve(optimizer, lambda step: 0.5**step)])
    expected = train(other, apart, range(6), [halve(one, lambda step: 0.5**step) for one in apart])
    assert same(after, expected)
    assert [group["lr"] for group in optimizer.param_groups] == [0.01 * 0.5**6] * 2


def test_it_goes_on_from_its_state(model: torch.nn.Module) -> None:
    straight = copy.deepcopy(model)
    expected = train(straight, [MuonAndAdamW(straight, **GIVEN)], range(8))
    first = MuonAndAdamW(model, **GIVEN)
    train(model, [first], range(4))
    second = MuonAndAdamW(model, **GIVEN)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert same(train(model, [second], range(4, 8)), expected)


def test_which_weights_are_matrices(model: torch.nn.Module) -> None:
    model[2].bias.requires_grad_(False)
    matrices, rest = split(model)
    assert [id(weight) for weight in matrices] == [id(model[1].weight)]
    assert {id(weight) for weight in rest} == {id(model[0].weight), id(model[1].bias), id(model[2].weight)}
