#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A network of one's own with both kinds of repetition. Writes tiny.pt, x.npy and y.npy."""
import os
import sys

import numpy as np
import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/train"))
from repeatnet import RepeatConv2d  # noqa: E402


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        # Width: a 16x3 layer made of two 8x3 blocks with learned sign flips.
        self.stem = RepeatConv2d([16, 3, 3, 3], [8, 3, 3, 3], "bireal", padding=1)
        self.stem_norm = nn.BatchNorm2d(16)
        # Width again: 32x16 from a parent of 16x8.
        self.wide = RepeatConv2d([32, 16, 3, 3], [16, 8, 3, 3], "swish", padding=1, stride=2)
        self.wide_norm = nn.BatchNorm2d(32)
        # Depth: 32x32 from the parent of `wide`; this layer stores betas only.
        self.deep = RepeatConv2d([32, 32, 3, 3], [16, 8, 3, 3], "swish", padding=1,
                                 owns_parent=False)
        self.deep_norm = nn.BatchNorm2d(32)
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        x = torch.relu(self.stem_norm(self.stem(x)))
        x = torch.relu(self.wide_norm(self.wide(x)))
        x = torch.relu(self.deep_norm(self.deep(x, self.wide.weight)) + x)
        return self.fc(x.mean((2, 3)))


def main():
    torch.manual_seed(1)
    model = Tiny()
    x = torch.randn(4, 3, 24, 24)
    model(x)  # gives the batch norms statistics, as training would
    model.eval()
    torch.save(model.state_dict(), "tiny.pt")
    np.save("x.npy", x.numpy())
    np.save("y.npy", model(x).detach().numpy())


if __name__ == "__main__":
    main()
