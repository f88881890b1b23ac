"""Times generated training steps and PyTorch's alternately in one run, and checks that both compute the same.

    python3 benches/torch_side.py BINARY [check] [w3 w4 …]

Needs `pip install torch numpy`. One thread; PyTorch eager with the fused optimizer where it has one. glibc is told to keep memory (see
`benches/run`), or PyTorch would pay for page faults in some runs.
"""

import subprocess
import sys
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(1)
torch.set_num_interop_threads(1)


def mlp(*sizes):
    layers = []
    for n_in, n_out in zip(sizes, sizes[1:]):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def workload(name):
    """Model, inputs, targets, optimizer."""
    torch.manual_seed(0)
    if name == "w3":
        model = mlp(4, 16, 3)
        return model, torch.randn(32, 4), torch.randint(0, 3, (32,)), torch.optim.SGD(model.parameters(), lr=1e-3)
    if name == "w4":
        model = mlp(784, 256, 128, 10)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        return model, torch.randn(128, 784), torch.randint(0, 10, (128,)), optimizer
    raise SystemExit(f"no workload {name}")


def step_of(name):
    model, x, t, optimizer = workload(name)

    def step():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        return loss

    return step


def check(ours, name):
    """Losses of five steps from PyTorch's parameters, in float32 here and float64 there."""
    model, x, t, optimizer = workload(name)
    # PyTorch keeps weights [out, in], nnc [in, out]
    numbers = [(p.T if p.dim() == 2 else p).detach().numpy().ravel() for p in model.parameters()]
    numbers = np.concatenate(numbers + [x.numpy().ravel(), t.numpy().astype(np.float32)])
    ours.stdin.write(f"check {name} " + " ".join(map(repr, map(float, numbers))) + "\n")
    ours.stdin.flush()
    got = np.array([float(v) for v in ours.stdout.readline().split()])
    model, x = model.double(), x.double()
    optimizer = type(optimizer)(model.parameters(), lr=1e-3)
    want = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), t)
        loss.backward()
        optimizer.step()
        want.append(loss.item())
    worst = np.abs(got - want).max()
    print(f"{name} losses of five steps, largest difference from PyTorch in float64: {worst:.1e}")
    assert worst < 1e-5 * max(want), (got, want)


def main():
    arguments = sys.argv[1:]
    ours = subprocess.Popen([arguments[0]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    names = [a for a in arguments[1:] if a != "check"] or ["w3", "w4"]
    for name in names:
        check(ours, name)
    if "check" in arguments:
        return
    for name in names:
        step = step_of(name)
        for _ in range(20):
            step()
        nnc_medians, torch_medians = [], []
        for _ in range(10):
            ours.stdin.write(f"time {name}\n")
            ours.stdin.flush()
            nnc_medians.append(float(ours.stdout.readline()))
            block, end = [], time.perf_counter() + 0.4
            while time.perf_counter() < end:
                begin = time.perf_counter_ns()
                step()
                block.append(time.perf_counter_ns() - begin)
            torch_medians.append(np.median(block) / 1e3)
        nnc, pytorch = np.median(nnc_medians), np.median(torch_medians)
        print(
            f"{name} nnc {nnc:.2f} us (best block {min(nnc_medians):.2f}), PyTorch {pytorch:.1f} us (best block {min(torch_medians):.1f}), "
            f"nnc / PyTorch {nnc / pytorch:.4f}, PyTorch / nnc {pytorch / nnc:.1f}"
        )


main()
