"""Trainings killed at any moment end as if nothing had happened, bit for bit."""

import random
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from keras_fcn.checkpoints.folder import newest_valid

from . import processes
from .tiny import CONFIGS

DEATHS = (-signal.SIGKILL, -signal.SIGALRM)


def expected_of(name, folder):
    """Train without a stop; return the digest of what came out."""
    folder.mkdir()
    process = processes.start(processes.train, folder, name)
    process.join()
    assert process.exitcode == 0
    return (folder / "result").read_text()


def killed_run(folder, name, chance, kills):
    """Train with so many kills at random, at least one; return their number."""
    folder.mkdir()
    done = 0
    while True:
        how = {}
        if done < kills:
            # Half at any instruction, half at an event of the training or the save.
            how = {"seconds": chance.uniform(0, 1.5)}
            if chance.random() < 0.5:
                how = {"event": chance.randrange(1, 50)}
        every = chance.choice([1, 1, 3])
        process = processes.start(
            processes.train, folder, name, every_steps=every, **how
        )
        process.join()
        if process.exitcode == 0:
            return done
        assert process.exitcode in DEATHS
        done += 1


def kill_runs(tmp_path, runs, kills):
    """Train some runs with kills and compare their ends; return how many died."""
    chance = random.Random(runs)
    names = [list(CONFIGS)[number % len(CONFIGS)] for number in range(runs)]
    with ThreadPoolExecutor(2) as pool:
        folders = {name: tmp_path / f"whole {name}" for name in dict.fromkeys(names)}
        expected = dict(
            zip(folders, pool.map(expected_of, folders, folders.values()), strict=True)
        )
        jobs = [
            pool.submit(
                killed_run,
                tmp_path / str(i),
                name,
                random.Random(chance.random()),
                kills,
            )
            for i, name in enumerate(names)
        ]
        done = [job.result() for job in jobs]
    ends = [(tmp_path / str(i) / "result").read_text() for i in range(runs)]
    assert ends == [expected[name] for name in names], f"kills: {done}"
    for number in range(runs):  # nothing half-written stays behind
        names = [f.name for f in (tmp_path / str(number) / "checkpoints").iterdir()]
        assert all(name.startswith("ckpt-") for name in names), names
    return sum(done)


@pytest.mark.fault(1)
def test_killed_runs_end_as_if_nothing_had_happened(tmp_path, record_property):
    died = kill_runs(tmp_path, runs=2, kills=3)
    assert died >= 3
    record_property("cases", died)


@pytest.mark.slow
@pytest.mark.fault(1)
def test_a_hundred_kills(tmp_path, record_property):
    died = kill_runs(tmp_path, runs=24, kills=6)
    assert died >= 100
    record_property("cases", died)


def killed_saves(folder, number):
    """Kill a process that does nothing but save, again and again."""
    chance = random.Random(number)
    furthest = 0
    for _ in range(number):
        ready = processes.event_to_wait_for()
        process = processes.start(processes.save_without_end, folder, ready)
        assert ready.wait(60)
        process.join(chance.uniform(0, 0.03))
        process.kill()
        process.join()
        newest = newest_valid(folder)
        if newest is None:
            assert furthest == 0
            continue
        assert processes.holds_its_number(newest)
        assert newest.step >= furthest
        furthest = newest.step
    return furthest


@pytest.mark.fault(2)
def test_a_save_that_is_killed_costs_no_more_than_itself(tmp_path, record_property):
    assert killed_saves(tmp_path, 20) > 10
    record_property("cases", 20)


@pytest.mark.slow
@pytest.mark.fault(2)
def test_two_hundred_killed_saves(tmp_path, record_property):
    assert killed_saves(tmp_path, 200) > 100
    record_property("cases", 200)
