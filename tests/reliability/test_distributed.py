"""Several devices, of one process or two, end where one device ends.

Sums over pixels and samples are taken in another order: each is off by some 1e-7 of
itself, and Adam's first updates are the learning rate whatever a gradient's size. Two
epochs of these small networks were off by 6e-8; 1e-5 is far below what the mean over
each device's own pixels, in place of all, is off by: 7.6e-3 in a network as small.
"""

import csv
import json
import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

ATOL = 1e-5
RTOL = 1e-6  # of a summed loss, which is in the hundreds


@pytest.fixture
def photos(tmp_path):
    """Ten samples to train on, three to validate on, most of some masks void."""
    rng = np.random.default_rng(0)
    for part, number in (("train", 10), ("val", 3)):
        for kind in ("photos", "masks"):
            (tmp_path / part / kind).mkdir(parents=True)
        for i in range(number):
            mask = rng.integers(0, 3, (24, 40), "uint8")
            mask[: 7 * (i % 4)] = 255
            photo = rng.integers(0, 256, (24, 40, 3), "uint8")
            name = f"{part}{i}.png"
            Image.fromarray(photo).save(tmp_path / part / "photos" / name)
            Image.fromarray(mask).save(tmp_path / part / "masks" / name)
    return {
        "dataset": "folder",
        "num_classes": 3,
        "images": str(tmp_path / "train" / "photos"),
        "masks": str(tmp_path / "train" / "masks"),
        "val_images": str(tmp_path / "val" / "photos"),
        "val_masks": str(tmp_path / "val" / "masks"),
    }


def start(backend, folder, devices, told, distribute="data", **environment):
    options = told.get("train_options", {}) | {"distribute": distribute}
    told = told | {"train_options": options}
    flags = os.environ.get("XLA_FLAGS", "")
    flags += f" --xla_force_host_platform_device_count={devices}"
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.reliability.distributed",
            str(folder),
            str(devices),
            json.dumps(told),
        ],
        env={**os.environ, "KERAS_BACKEND": backend, "XLA_FLAGS": flags} | environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments, **options):
    process = start(*arguments, **options)
    _, said = process.communicate()
    assert process.returncode == 0, said


def start_two(folder, told):
    """Start two processes with JAX, of one device each, on this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    return [
        start(
            "jax",
            folder,
            1,
            told,
            KERAS_DISTRIBUTION_JOB_ADDRESSES=address,
            KERAS_DISTRIBUTION_NUM_PROCESSES="2",
            KERAS_DISTRIBUTION_PROCESS_ID=str(number),
        )
        for number in range(2)
    ]


def ends_of(folder):
    with (folder / "log.csv").open() as file:
        log = np.array([row[1:] for row in list(csv.reader(file))[1:]], "float64")
    return load_file(folder / "last.safetensors") | {"log": log}


def assert_same_end(folder, other):
    one, two = ends_of(folder), ends_of(other)
    assert one.keys() == two.keys()
    for name, values in one.items():
        np.testing.assert_allclose(
            two[name], values, rtol=RTOL, atol=ATOL, err_msg=name
        )


@pytest.mark.slow
def test_two_devices_on_tensorflow_end_where_one_ends(photos, tmp_path):
    """The last batch of 2 is cut into ones, validation's of 1 into 0 and 1."""
    told = photos | {"epochs": 1}
    run("tensorflow", tmp_path / "one", 1, told, "none")
    run("tensorflow", tmp_path / "two", 2, told)
    assert_same_end(tmp_path / "one", tmp_path / "two")


@pytest.mark.slow
@pytest.mark.parametrize("devices", [2, 3])
@pytest.mark.parametrize("loss", ["mean", "sum"])
def test_batches_that_do_not_divide_end_alike(photos, tmp_path, devices, loss):
    told = photos | {"batch_size": 3, "loss": loss, "optimizer": "sgd", "lr": 1e-4}
    run("tensorflow", tmp_path / "one", 1, told, "none")
    run("tensorflow", tmp_path / "more", devices, told)
    assert_same_end(tmp_path / "one", tmp_path / "more")


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [4, 3])
def test_two_devices_on_jax_end_where_one_ends(photos, tmp_path, need, batch_size):
    need("jax")
    told = photos | {"batch_size": batch_size, "dropout": 0.5}
    run("jax", tmp_path / "one", 1, told, "none")
    run("jax", tmp_path / "two", 2, told)
    assert_same_end(tmp_path / "one", tmp_path / "two")


@pytest.mark.slow
def test_two_processes_on_jax_end_where_one_ends(photos, tmp_path, need):
    need("jax")
    told = photos | {"epochs": 1}
    run("jax", tmp_path / "one", 1, told, "none")
    for process in start_two(tmp_path / "two", told):
        _, said = process.communicate()
        assert process.returncode == 0, said
    assert_same_end(tmp_path / "one", tmp_path / "two")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_a_killed_run_goes_on_with_another_number_of_devices(
    photos, tmp_path, need, backend
):
    need(backend)
    run(backend, tmp_path / "one", 1, photos, "none")
    told = photos | {"die_after": 4, "train_options": {"checkpoint_steps": 1}}
    process = start(backend, tmp_path / "killed", 2, told)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    resumed = photos | {"train_options": {"resume": True}}
    run(backend, tmp_path / "killed", 1, resumed, "none")
    assert_same_end(tmp_path / "one", tmp_path / "killed")


@pytest.mark.slow
def test_a_killed_process_of_two_costs_no_more_than_its_steps(photos, tmp_path, need):
    need("jax")
    run("jax", tmp_path / "one", 1, photos, "none")
    told = photos | {"die_after": 4, "train_options": {"checkpoint_steps": 1}}
    for process in start_two(tmp_path / "killed", told):
        process.communicate()
        assert process.returncode != 0
    resumed = photos | {"train_options": {"resume": True}}
    run("jax", tmp_path / "killed", 2, resumed)
    assert_same_end(tmp_path / "one", tmp_path / "killed")
