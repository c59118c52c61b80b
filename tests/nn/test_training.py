"""The model, its loss and its optimizers against JAX; ten steps side by side; it learns."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import minidl
from minidl import ir, nn, random
from minidl import numpy as mnp
from minidl.nn.train import mlp_loss

KEY = random.key(0)
PARAMS = nn.mlp_init(KEY)
X, Y, X_TEST, Y_TEST = nn.digits()
LOGITS = np.random.default_rng(0).normal(scale=3, size=(6, 10)).astype(np.float32)
LABELS = np.arange(6, dtype=np.int32)


def their_mlp(params, x):
    for layer in params[:-1]:
        x = jnp.maximum(x @ layer["w"] + layer["b"], 0)
    return x @ params[-1]["w"] + params[-1]["b"]


def their_loss(params, x, y):
    rows = jax.nn.log_softmax(their_mlp(params, x))
    return -jnp.mean(jnp.take_along_axis(rows, y[:, None], 1))


def test_initial_weights_have_the_spread_of_he():
    w = nn.mlp_init(random.key(1), (1000, 500))[0]["w"]
    assert w.dtype == np.float32 and w.shape == (1000, 500)
    assert abs(w.std() - np.sqrt(2 / 1000)) < 4 * np.sqrt(2 / 1000) / np.sqrt(2 * w.size)
    assert [layer["b"].shape for layer in PARAMS] == [(128,), (10,)]
    assert not any(layer["b"].any() for layer in PARAMS)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "sigmoid", "relu"])
@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_functions_are_jax_s(name, scale):
    theirs = {"logsumexp": lambda x: jax.nn.logsumexp(x, axis=-1)}.get(name) or getattr(
        jax.nn, name
    )
    x = LOGITS * np.float32(scale)
    np.testing.assert_allclose(getattr(nn, name)(x), theirs(x), rtol=3e-6, atol=1e-30)
    ours = minidl.jacrev(getattr(nn, name))(x[0, :3])
    np.testing.assert_allclose(ours, jax.jacrev(theirs)(x[0, :3]), rtol=1e-5, atol=1e-7)


def test_functions_act_along_any_axis():
    for name in ("softmax", "log_softmax"):
        want = getattr(jax.nn, name)(LOGITS, axis=0)
        np.testing.assert_allclose(getattr(nn, name)(LOGITS, 0), want, rtol=3e-6, atol=1e-30)
    np.testing.assert_allclose(nn.logsumexp(LOGITS, 0), jax.nn.logsumexp(LOGITS, axis=0), rtol=1e-6)


def test_one_hot_is_jax_s():
    np.testing.assert_array_equal(nn.one_hot(LABELS, 10), jax.nn.one_hot(LABELS, 10))
    assert nn.one_hot(np.array([-1, 12]), 10).sum() == 0


def test_scores_count_images():
    logits = np.eye(4, dtype=np.float32)
    labels = np.array([0, 1, 0, 0], np.int32)
    assert nn.wrong(logits, labels) == 2 and nn.accuracy(logits, labels) == 0.5


def test_forward_pass_is_jax_s():
    """Sums of 64 and 128 float32 products: relative error below √128·2⁻²⁴·Σ|terms|."""
    got, want = nn.mlp(PARAMS, X[:32]), np.asarray(their_mlp(PARAMS, X[:32]))
    hidden = np.maximum(X[:32] @ PARAMS[0]["w"], 0)
    bound = np.sqrt(128) * 2**-24 * (np.abs(hidden) @ np.abs(PARAMS[1]["w"])).max() * 2
    assert np.abs(got - want).max() <= bound


def test_gradients_are_slopes_of_finite_differences():
    """In float64 at 40 drawn parameters; the issue asks for 1e-4."""
    wide = [{k: v.astype(np.float64) for k, v in layer.items()} for layer in PARAMS]
    x, y, rng, h = X[:16].astype(np.float64), Y[:16], np.random.default_rng(0), 1e-5
    grads = minidl.grad(mlp_loss)(wide, x, y)
    for _ in range(40):
        layer, name = int(rng.integers(2)), str(rng.choice(["w", "b"]))
        i = tuple(int(rng.integers(n)) for n in wide[layer][name].shape)
        values = []
        for step in (h, -h):
            moved = [dict(each) for each in wide]
            moved[layer][name] = wide[layer][name].copy()
            moved[layer][name][i] += step
            values.append(float(mlp_loss(moved, x, y)))
        slope = (values[0] - values[1]) / (2 * h)
        assert abs(slope - grads[layer][name][i]) < 1e-7


def batches(count, size=64):
    order = np.asarray(random.permutation(KEY, len(X)))
    rows = [order[i * size : (i + 1) * size] for i in range(count)]
    return [(X[r], Y[r]) for r in rows]


def test_ten_sgd_steps_have_the_losses_of_jax():
    @jax.jit
    def theirs(params, x, y):
        value, grads = jax.value_and_grad(their_loss)(params, x, y)
        return jax.tree.map(lambda p, g: p - 0.1 * g, params, grads), value

    ours = minidl.jit(nn.train_step(mlp_loss, nn.sgd(0.1)))
    a, b, state = PARAMS, PARAMS, None
    for x, y in batches(10):
        a, state, loss = ours(a, state, x, y)
        b, want = theirs(b, x, y)
        assert abs(float(loss) - float(want)) < 1e-5
    assert ours.compiles == ["first call"]


def test_a_step_jitted_and_evaluated_agree():
    """Ops that round once agree bit by bit; exp, log and sums within the losses' 1e-6."""
    step = nn.train_step(mlp_loss, nn.sgd(0.1))
    x, y = batches(1)[0]
    leaves = [v for layer in PARAMS for _, v in sorted(layer.items())]
    module = minidl.trace(step, PARAMS, None, x, y)
    *want, loss = ir.evaluate(module, *leaves, x, y)
    params, _, got = minidl.jit(step)(PARAMS, None, x, y)
    assert abs(float(got) - float(loss)) < 1e-6
    made = [v for layer in params for _, v in sorted(layer.items())]
    for a, b in zip(made, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


def test_adam_is_the_algorithm_of_the_paper():
    """Three steps by hand in float64, g = 2p."""
    p = m = v = 0.0
    p, want = 1.0, []
    for t in range(1, 4):
        g = 2 * p
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        p -= 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        want.append(p)
    adam = nn.adam(0.01)
    params = {"p": np.array(1.0)}
    state, got = adam.init(params), []
    for _ in range(3):
        params, state = adam.update({"p": 2 * params["p"]}, state, params)
        got.append(float(params["p"]))
    np.testing.assert_allclose(got, want, rtol=1e-6)  # β₁ᵗ and β₂ᵗ are kept in float32


def test_momentum_keeps_a_running_gradient():
    sgd = nn.sgd(0.1, momentum=0.5)
    params, state = np.array(1.0), sgd.init(np.array(1.0))
    for want in (0.9, 0.75, 0.575):  # v = 1, 1.5, 1.75
        params, state = sgd.update(np.array(1.0), state, params)
        np.testing.assert_allclose(params, want, rtol=1e-12)


def test_the_loss_of_a_known_prediction():
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], np.float32))
    want = -(np.log(0.7) + np.log(0.1)) / 2
    np.testing.assert_allclose(nn.cross_entropy(logits, np.array([0, 1])), want, rtol=1e-6)


def test_training_learns_and_repeats(capfd):
    """Six epochs: under 36 of 360 wrong (90 %), twice the same; nothing is printed."""
    runs = [nn.train(PARAMS, X, Y, key=random.key(1), epochs=6) for _ in range(2)]
    (params, losses), (again, same) = runs
    assert losses == same and len(losses) == 6 * (1437 // 64)
    np.testing.assert_array_equal(params[0]["w"], again[0]["w"])
    assert losses[-1] < losses[0] / 5
    assert nn.wrong(nn.mlp(params, X_TEST), Y_TEST) < 36
    assert capfd.readouterr() == ("", "")


def test_the_bar_shows_when_asked_for(capfd):
    nn.train(PARAMS, X[:64], Y[:64], key=KEY, epochs=1, progress=True)
    assert "train" in capfd.readouterr().err


def test_relu_gradient_at_zero_is_half():
    assert minidl.grad(nn.relu)(0.0) == 0.5
    assert minidl.grad(lambda x: mnp.sum(nn.relu(x)))(np.array([-1.0, 1.0])).tolist() == [0, 1]


def test_five_seeds_reach_97_percent_in_the_median(capsys):
    """The defaults were chosen on validation images; 97 % is at most 10 of 360 wrong."""
    counts = []
    for seed in range(5):
        key = random.key(seed)
        params = nn.mlp_init(random.fold_in(key, 0))
        params, _ = nn.train(params, X, Y, key=random.fold_in(key, 1))
        counts.append(int(nn.wrong(nn.mlp(params, X_TEST), Y_TEST)))
    with capsys.disabled():
        print(f" wrong of 360, five seeds: {counts}", end="")
    assert np.median(counts) <= 10
