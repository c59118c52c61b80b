"""The running models: digits, an MLP, losses, optimizers, a training loop.

Chapter: step; primers/network.

    digits    x_train, y_train, x_test, y_test: float32 [n, 64] in [0, 1], int32 [n]
    mlp       64 → 128 → 10 by default, parameters in a list of dicts
    train     a jitted step in a loop; everything random comes from a key
"""

from minidl.nn.digits import digits, shifted
from minidl.nn.functions import log_softmax, logsumexp, one_hot, relu, sigmoid, softmax
from minidl.nn.loss import accuracy, cross_entropy, wrong
from minidl.nn.mlp import mlp, mlp_init
from minidl.nn.optimizers import Optimizer, adam, sgd
from minidl.nn.train import train, train_step

__all__ = [
    "Optimizer",
    "accuracy",
    "adam",
    "cross_entropy",
    "digits",
    "log_softmax",
    "logsumexp",
    "mlp",
    "mlp_init",
    "one_hot",
    "relu",
    "sgd",
    "shifted",
    "sigmoid",
    "softmax",
    "train",
    "train_step",
    "wrong",
]
