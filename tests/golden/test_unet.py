"""A small U-Net from a topology file: transposed convolutions, Resize and Concat against torch; and
the family of unet_18.yaml, a ResNet-18 as encoder, at widths 1, 2 and 4."""
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools",
                                "train"))
import make_checkpoint

RNC, RNRUN = sys.argv[1:3]
MODES = (["--expand=load"], ["--expand=load", "--no-xnnpack"], ["--expand=lazy"],
         ["--expand=layer"], ["--expand=panel"], ["--isa=plain"])
TOPOLOGY = """topology: unet
input: {height: 20, width: 24}
output: map

graph:
  - {op: Conv, layer: down1, pads: 1}
  - {op: Relu, name: skip1}
  - {op: MaxPool, kernel_shape: 2, strides: 2}
  - {op: Conv, layer: down2, pads: 1}
  - {op: Relu, name: skip2}
  - {op: MaxPool, kernel_shape: 2, strides: 2}
  - {op: Conv, layer: deep, pads: 1}
  - {op: Relu}
  - {op: ConvTranspose, layer: up2, strides: 2}
  - {op: BatchNormalization, layer: up2_norm}
  - {op: Relu, name: up2_out}
  - {op: Concat, from: [up2_out, skip2]}
  - {op: Conv, layer: join2, pads: 1}
  - {op: Relu}
  - {op: Resize, mode: linear, scales: 2, coordinate_transformation_mode: align_corners, name: wide}
  - {op: Concat, from: [skip1, wide]}
  - {op: Conv, layer: join1, pads: 1}
  - {op: Relu}
  - {op: ConvTranspose, layer: spread, group: 6, strides: [2, 1], pads: 1, output_padding: [1, 0]}
  - {op: Resize, scales: [0.5, 2], coordinate_transformation_mode: asymmetric, nearest_mode: floor}
  - {op: Conv, layer: classes}
"""


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1 = nn.Conv2d(3, 10, 3, padding=1)
        self.down2 = nn.Conv2d(10, 20, 3, padding=1)
        self.deep = nn.Conv2d(20, 40, 3, padding=1)
        self.up2 = nn.ConvTranspose2d(40, 18, 2, stride=2, bias=False)
        self.up2_norm = nn.BatchNorm2d(18)
        self.join2 = nn.Conv2d(38, 12, 3, padding=1)
        self.join1 = nn.Conv2d(22, 6, 3, padding=1)
        self.spread = nn.ConvTranspose2d(6, 6, 3, stride=(2, 1), padding=(1, 1),
                                         output_padding=(1, 0), groups=6)
        self.classes = nn.Conv2d(6, 5, 1)

    def forward(self, x):
        skip1 = torch.relu(self.down1(x))
        skip2 = torch.relu(self.down2(nn.functional.max_pool2d(skip1, 2)))
        x = torch.relu(self.deep(nn.functional.max_pool2d(skip2, 2)))
        x = torch.relu(self.up2_norm(self.up2(x)))
        x = torch.relu(self.join2(torch.cat([x, skip2], 1)))
        x = nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
        x = torch.relu(self.join1(torch.cat([skip1, x], 1)))
        return self.classes(nn.functional.interpolate(self.spread(x), scale_factor=(0.5, 2.0)))


class Topology(unittest.TestCase):
    def test_runs_in_every_mode(self):
        torch.manual_seed(1)
        net = UNet().eval()
        for buffer in (net.up2_norm.running_mean, net.up2_norm.weight.data):
            buffer.uniform_(0.5, 1.5)
        x = torch.randn(2, 3, 20, 24)
        with torch.no_grad():
            wanted = net(x).numpy()
        with tempfile.TemporaryDirectory() as folder:
            torch.save(net.state_dict(), os.path.join(folder, "unet.pt"))
            np.save(os.path.join(folder, "x.npy"), x.numpy())
            with open(os.path.join(folder, "unet.yaml"), "w", encoding="utf-8") as file:
                file.write(TOPOLOGY)
            run = lambda *command: subprocess.run(command, cwd=folder, check=True,
                                                  stdout=subprocess.DEVNULL)
            run(RNC, "compile", "unet.pt", "--topology=unet.yaml", "--quiet")
            run(RNC, "verify", "unet.rnm", "--against=unet.pt", "--topology=unet.yaml")
            for mode in MODES:
                run(RNRUN, "unet.rnm", "x.npy", "--output=out.npy", "--quiet", *mode)
                found = np.load(os.path.join(folder, "out.npy"))
                self.assertEqual(found.shape, wanted.shape)
                within = np.abs(found - wanted) <= 2e-5 * np.maximum(1, np.abs(wanted))
                self.assertTrue(within.all(), mode)

    def test_family(self):
        """The words of a checkpoint suffice: the topology, and a mask's classes and size."""
        for name in ("runet_small_1", "runet_small_2", "runet_small_4", "unet_small_2"):
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                path = lambda file: os.path.join(folder, file)
                make_checkpoint.main([f"--model={name}", "--activation=bireal", "-o",
                                      path("m.ckpt"), "--input-out", path("x.npy"), "--logits-out",
                                      path("y.npy")])
                run = lambda *command: subprocess.run(command, cwd=folder, check=True,
                                                      stdout=subprocess.DEVNULL)
                run(RNC, "compile", "m.ckpt", "--quiet")
                run(RNC, "verify", "m.rnm", "--against=m.ckpt", "--quiet")
                wanted = np.load(path("y.npy"))
                self.assertEqual(wanted.shape[1:], (11, 64, 64))
                for mode in MODES:
                    run(RNRUN, "m.rnm", "x.npy", "--output=out.npy", "--quiet", *mode)
                    self.assertLessEqual(np.abs(np.load(path("out.npy")) - wanted).max(),
                                         1e-4 * np.ptp(wanted), mode)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
