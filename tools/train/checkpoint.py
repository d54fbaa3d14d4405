"""Checkpoints in the layout PyTorch Lightning 1.3 gives the RepeatNet authors' files."""

import os
from argparse import Namespace
from collections import OrderedDict

import torch

import checkpoint_reader
import models

PREFIX = "model."
LIGHTNING_VERSION = "1.3.8"


def model_state(saved):
    """The network's state dict: without prefix, in single precision."""
    state = saved.get("state_dict", saved)
    return OrderedDict((key[len(PREFIX):] if key.startswith(PREFIX) else key,
                        value.float() if value.is_floating_point() else value)
                       for key, value in state.items() if isinstance(value, torch.Tensor))


def restore(path, model_name=None, activation=None):
    """(model in evaluation mode, its `args`): the file names its network unless the caller does."""
    saved = checkpoint_reader.load(path)
    args = saved.get("hyper_parameters", {}).get("args", Namespace())
    model_name = model_name or getattr(args, "model_name", None)
    activation = activation or getattr(args, "weight_activation", "linear")
    if model_name is None:
        raise ValueError(f"{path}: the file does not name its model; give it")
    state = model_state(saved)
    num_classes = next(reversed(state.values())).numel()
    model = models.build(model_name, activation, num_classes)
    model.load_state_dict(state)
    return model.eval(), args


def arguments(model_name, activation, dataset, num_classes, **others):
    """The `args` of hyper_parameters: what tells a reader which network the file holds."""
    return Namespace(model_name=model_name, dataset=dataset, num_classes=num_classes,
                     weight_activation=activation, **{"datapath": None, **others})


def pack(model, args, batch_size, *, epoch=0, global_step=0, optimizer_states=(),
         lr_schedulers=(), half=False):
    """The whole file's dictionary, keys in Lightning's order."""
    state = OrderedDict()
    for key, value in model.state_dict().items():
        value = value.contiguous()
        state[PREFIX + key] = value.half() if half and value.is_floating_point() else value
    return {
        "epoch": epoch,
        "global_step": global_step,
        "pytorch-lightning_version": LIGHTNING_VERSION,
        "state_dict": state,
        "callbacks": {},
        "optimizer_states": list(optimizer_states),
        "lr_schedulers": list(lr_schedulers),
        "hparams_name": "kwargs",
        "hyper_parameters": {"args": args, "batch_size": batch_size},
    }


def save(path, packed, form="zip"):
    """Writes to a temporary name, syncs and renames: a reader never meets half a file."""
    temporary = f"{path}.tmp"
    with open(temporary, "wb") as file:
        torch.save(packed, file, _use_new_zipfile_serialization=form == "zip")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
