"""`benchmarks/bench.py`: ratios, turns, tables, and that a peer's work is ours."""

import ast
import functools
import importlib
import json
import operator
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
with mock.patch.object(sys, "path", [str(BENCHMARKS), *sys.path]):
    import bench
    import side_by_side
    from races import Pair, Race, Settings, Spread, ratios, rows_of, spread
    from side_by_side import Contender, Outcome, take_turns
    from suites import networks
    from workers import Turn, Workers

# Two float32 evaluations of the same 19-layer net on logits of order 1.
FLOAT32_NETWORK = 1e-4
ON_CPU, ON_GPU = Settings(), Settings(device="gpu")
QUICK = Settings(quick=True)


@pytest.fixture(autouse=True)
def _path(monkeypatch):
    """Let the processes that are started find the benchmarks."""
    monkeypatch.syspath_prepend(BENCHMARKS)


def doing(function, *arguments):
    """A contender of NumPy's process, of the standard library alone."""
    work = functools.partial(functools.partial, function, *arguments)
    return Contender("numpy", work)


def every_race(settings):
    return [race for races in bench.SUITES.values() for race in races(settings)]


# Ratios


def test_quartiles_are_those_of_numpy_and_one_value_has_them_too():
    values = [0.3, 0.1, 0.7, 0.2]
    q1, median, q3 = np.quantile(values, [0.25, 0.5, 0.75])
    assert spread(values) == Spread(median, q1, q3)
    assert spread([0.4]) == Spread(0.4, 0.4, 0.4)


def test_a_ratio_is_that_of_the_same_round_not_of_the_medians():
    ours, peer = [1.0, 8.0, 2.0], [2.0, 4.0, 8.0]  # medians: 2 / 4
    assert ratios(ours, peer) == Spread(0.5, 0.375, 1.25)
    peer = [2.0, 4.0, 4.0, 1e9]  # a round that ours had no patience for
    assert ratios(ours, peer) == Spread(0.5, 0.5, 1.25)


def outcome_of(ours=(1.0,), peer=(2.0,), results=((1.0,), (1.0,))):
    def turns(walls):
        return [Turn(wall, 3 * wall, 2**20 * round(wall)) for wall in walls]

    named = dict(zip(("a", "b"), map(np.array, results), strict=True))
    return Outcome({"a": turns(ours), "b": turns(peer)}, named)


def race_of(*pairs, **options):
    contenders = {name: doing(int) for name in ("a", "b")}
    return Race("work", contenders, pairs, **options)


def row_of(outcome, pair=None, **options):
    (row,) = rows_of(race_of(pair or Pair("a", "b", 0.5), **options), outcome, {})
    return row


def test_a_row_tells_medians_ratio_and_whether_the_target_is_reached():
    row = row_of(outcome_of((1.0, 3.0, 2.0), (2.0, 6.0, 4.0)))
    assert (row.ours_median, row.peer_median, row.unit) == (2000, 4000, "ms")
    assert row.ratio == row.cpu_ratio == Spread(0.5, 0.5, 0.5)
    assert (row.rounds, row.reached, row.broken) == (3, True, False)
    assert row_of(outcome_of((1.01,))).reached is False
    assert row_of(outcome_of(), Pair("a", "b")).reached is None


def test_memory_is_compared_by_the_peaks():
    row = row_of(outcome_of((300.0,), (400.0,)), memory=True)
    assert (row.ours_median, row.peer_median, row.unit) == (300, 400, "MiB")
    assert row.ratio.median == 0.75
    assert row.cpu_ratio is None


def test_speed_is_told_beside_the_same_librarys_matrix_product():
    race = race_of(Pair("a", "b"), flops=4e9, images=8)
    rates = {"numpy float32": 2e10, "numpy bfloat16": 1.0}
    (row,) = rows_of(race, outcome_of((2.0,)), rates)
    assert (row.gflops_per_s, row.images_per_s) == (2, 4)
    assert row.share_of_gemm == pytest.approx(0.1)


@pytest.mark.parametrize("other", [(1.01, -2.0), (1.0, np.nan), (1.0,)])
def test_results_that_differ_are_no_comparison(other):
    outcome = outcome_of(results=((1.0, -2.0), other))
    if len(other) == 2 and np.isfinite(other).all():
        assert row_of(outcome, Pair("a", "b", 0.5, tolerance=0.01)).reached
    row = row_of(outcome)
    assert row.broken
    assert row.reached is None
    assert "differ" in row.note
    assert not row_of(outcome, Pair("a", "b", 0.5, tolerance=None)).broken


def test_what_is_left_out_is_told_and_what_failed_is_broken():
    absent = Outcome(left_out={"a": "no such library"}, turns={"b": [Turn(1, 1, 1)]})
    row = row_of(absent)
    assert (row.note, row.ratio, row.reached) == ("a: no such library", None, None)
    assert not row.broken
    assert row_of(Outcome(failed={"b": "fell over"}, left_out={"a": ""})).note == "a: "
    row = row_of(Outcome(failed={"b": "fell over"}, turns={"a": [Turn(1, 1, 1)]}))
    assert row.broken
    assert row.note == "b: fell over"


# Turns


class Pretenders:
    """In place of `Workers`: notes who is asked for what."""

    def __init__(self, slow=()):
        self.asked, self.slow = [], slow

    def ask(self, backend, kind, name, *_):
        self.asked.append((kind, name))
        if name in self.slow:
            time.sleep(0.03)
        return np.zeros(1) if kind == "prepare" else Turn(1.0, 1.0, 1)

    def forget(self):
        self.asked.append("forget")


def test_each_round_begins_with_another_and_all_have_their_turn(monkeypatch):
    monkeypatch.setattr(side_by_side, "REST", 0)
    workers = Pretenders()
    three = {name: doing(int) for name in "abc"}
    outcome = take_turns(three, 4, workers)
    kinds = {
        kind: [n for k, n in workers.asked[:-1] if k == kind]
        for kind in ("prepare", "turn")
    }
    assert kinds == {"prepare": list("abc"), "turn": list("abcbcacababc")}
    assert workers.asked[-1] == "forget"
    assert [len(turns) for turns in outcome.turns.values()] == [4, 4, 4]


def test_patience_ends_with_the_slow_and_not_with_the_others(monkeypatch):
    monkeypatch.setattr(side_by_side, "REST", 0)
    two = {name: doing(int) for name in ("slow", "quick")}
    outcome = take_turns(two, 9, Pretenders(slow=["slow"]), patience=0.05)
    assert len(outcome.turns["slow"]) == 2
    assert len(outcome.turns["quick"]) == 9


def test_whoever_fails_is_told_of_and_the_others_go_on():
    contenders = {
        "sum": doing(sum, (1, 2)),
        "wrong": doing(int, "x"),
        "absent": Contender(
            "numpy", functools.partial(importlib.import_module, "no_such_module")
        ),
        "sleep": doing(time.sleep, 0.02),
    }
    with Workers(threads=1) as workers:
        outcome = take_turns(contenders, 2, workers)
        assert list(outcome.turns) == ["sum", "sleep"]
        assert outcome.samples["sum"].tolist() == [3]
        assert "no_such_module" in outcome.left_out["absent"]
        assert outcome.failed["wrong"].startswith("ValueError: invalid literal")
        for turn in outcome.turns["sleep"]:
            assert turn.wall > 0.02 > turn.cpu
        dying = take_turns({"dying": doing(os._exit, 7)}, 2, workers)
        assert "ended with status 7" in dying.failed["dying"]
        # Another process takes its place.
        assert take_turns({"sum": contenders["sum"]}, 1, workers).turns["sum"]


def test_short_work_is_done_as_often_as_a_turn_asks_for():
    sleep = {"sleep": doing(time.sleep, 0.01)}
    with Workers(threads=1) as workers:
        take_turns(sleep, 1, workers)  # starts the process
        started = time.perf_counter()
        outcome = take_turns(sleep, 3, workers, at_least=0.2)
    assert time.perf_counter() - started > 3 * 0.15
    assert all(0.01 < turn.wall < 0.1 for turn in outcome.turns["sleep"])


def test_the_peak_of_a_fresh_process_is_its_own():
    held = np.ones(2**29, "uint8")  # which the child would begin with
    with Workers(threads=1) as workers:
        both = {"small": doing(bytes, 1), "large": doing(operator.mul, b"x", 2**27)}
        outcome = take_turns(both, 1, workers, fresh=True)
    (small,), (large,) = outcome.turns["small"], outcome.turns["large"]
    assert held.nbytes > small.peak > 2**22
    assert large.peak - small.peak == pytest.approx(2**27, rel=0.1)


def test_a_process_is_told_its_threads_and_sees_no_gpu():
    told = {"OMP_NUM_THREADS": 3, "CUDA_VISIBLE_DEVICES": -1}
    read = "int(__import__('os').environ[{!r}])"
    contenders = {name: doing(eval, read.format(name)) for name in told}
    with Workers(threads=3) as workers:
        samples = take_turns(contenders, 1, workers).samples
    assert {name: int(value[0]) for name, value in samples.items()} == told


def test_the_other_benchmarks_have_their_medians():
    contenders = {"list": ("numpy", functools.partial(functools.partial, sorted))}
    cases = [(3, 1, 2), (2, 1)]
    timed = list(side_by_side.median_ms(contenders, cases, rounds=2, threads=1))
    assert [case for case, _ in timed] == cases
    assert all(0 < ms["list"] < 100 for _, ms in timed)
    contenders["wrong"] = ("numpy", functools.partial(functools.partial, int))
    with pytest.raises(RuntimeError, match=r"wrong, \(3, 1, 2\): TypeError"):
        list(side_by_side.median_ms(contenders, cases, rounds=2, threads=1))


# The door


def pretended(settings):
    """A suite of the standard library, in place of the real ones."""
    aimed = [Pair("ours", "peer", 0.9), Pair("absent", "peer", 0.5)]
    pairs = [*aimed, Pair("peer", "peer")]
    contenders = {
        "ours": doing(time.sleep, 0.01),
        "peer": doing(time.sleep, 0.03),
        "absent": Contender("no_such_backend", int),
    }
    yield Race("sleep", contenders, pairs, flops=1e6)
    yield Race("bytes", contenders, pairs[:1], memory=True)


def broken(settings):
    contenders = {"ours": doing(sum, (1,)), "peer": doing(sum, (2,))}
    yield Race("sum", contenders, [Pair("ours", "peer", 0.5)])


@pytest.fixture
def measured(monkeypatch, tmp_path, capsys):
    """Run the door with pretended suites, without the frameworks."""

    def run(*arguments):
        absent = {name: f"{name} is not installed" for name in bench.BACKENDS}
        absent["no_such_backend"] = "no_such_backend is not installed"
        monkeypatch.setattr(bench, "left_out_backends", lambda workers: absent)
        suites = {"pretended": pretended, "broken": broken}
        options = ["--output-dir", str(tmp_path), "--quick", *arguments]
        status = bench.main(options, suites)
        (file,) = tmp_path.glob("*.json")
        return status, json.loads(file.read_text()), capsys.readouterr().out

    return run


def test_one_command_prints_tables_and_writes_json_and_a_chart(measured, tmp_path):
    chart = tmp_path / "docs" / "speed.svg"
    status, document, printed = measured("--only", "pretended", "--chart", str(chart))
    assert status == 0
    assert (document["rounds"], document["quick"]) == (2, True)
    assert document["machine"]["processor"]
    assert {"load_before", "load_after"} < set(document)
    limits = {limit["name"]: limit for limit in document["limits"]}
    assert limits["NumPy, float32"]["unit"] == "GFLOP/s"
    assert limits["NumPy, copy"]["best"] > 0.1
    first, absent, same, memory = document["suites"]["pretended"]
    assert first["reached"] is True
    ratio = first["ratio"]
    assert ratio["q1"] <= ratio["median"] <= ratio["q3"] < 0.9
    assert first["share_of_gemm"] > 0
    assert absent["note"] == "absent: no_such_backend is not installed"
    assert same["ratio"]["median"] == 1
    assert memory["unit"] == "MiB"
    assert len(document["turns"]["pretended"]["sleep"]["peer"]) == 2
    assert "absent: no_such_backend is not installed" in printed
    assert "Without tensorflow: tensorflow is not installed." in printed
    for cell in ("<= 0.90", "yes", "left out", "of GEMM"):
        assert cell in printed
    drawn = chart.read_text()
    assert "sleep: ours / peer" in drawn
    assert document["machine"]["processor"] in drawn


def test_what_is_broken_is_told_by_the_exit_status(measured):
    status, document, printed = measured("--only", "broken", "--name", "other")
    assert status == 1
    (row,) = document["suites"]["broken"]
    assert (row["broken"], row["reached"]) == (True, None)
    assert "BROKEN" in printed
    assert "results differ" in printed


def test_an_unknown_suite_is_refused(capsys):
    with pytest.raises(SystemExit):
        bench.main(["--only", "inference,layer"])
    assert "'layer' is none of inference,training," in capsys.readouterr().err


def test_without_a_gpu_there_is_a_clear_error(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name != "jax" or None)
    workers = mock.Mock(device="gpu", ask=mock.Mock(return_value=[0.0]))
    message = "needs a GPU .* tensorflow sees no GPU.* Install"
    with pytest.raises(SystemExit, match=message):
        bench.left_out_backends(workers)
    workers.ask = lambda backend, *_: [float(backend == "torch")]
    assert set(bench.left_out_backends(workers)) == {"tensorflow", "jax"}


# The suites


@pytest.mark.parametrize("settings", [ON_CPU, ON_GPU, QUICK], ids=repr)
def test_races_are_between_those_who_are_there_and_who_can_be_sent(settings):
    for race in every_race(settings):
        named = {name for pair in race.pairs for name in (pair.ours, pair.peer)}
        assert named == set(race.contenders), race.work
        assert pickle.loads(pickle.dumps(race)).work == race.work


def test_the_whole_of_it_imports_no_framework():
    code = (
        "import sys, bench; from races import Settings;"
        "[list(races(Settings())) for races in bench.SUITES.values()];"
        "print(sorted({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(BENCHMARKS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ast.literal_eval(told.stdout) == []


def test_targets_are_for_cpus():
    assert sum(pair.target is not None for r in every_race(ON_CPU) for pair in r.pairs)
    for name in ("inference", "training", "layers", "pixels"):
        for race in bench.SUITES[name](ON_GPU):
            assert [pair.target for pair in race.pairs if pair.target] == []


@pytest.mark.parametrize("topology", ["paper", "pointwise"])
def test_the_peer_is_the_same_function_of_the_same_weights(topology):
    torch = pytest.importorskip("torch")
    from peers import fcn8s

    shape = networks.Shape(1, 64, 0.05)
    ours = networks.network(shape, topology)
    theirs = fcn8s.FCN8s(topology, width=shape.width)
    trained = sum(w.numel() for w in theirs.parameters() if w.requires_grad)
    assert trained == ours.count_params()
    for size in ((64, 96), (45, 70)) if topology == "paper" else ((64, 96),):
        x = np.random.default_rng(0).standard_normal((1, *size, 3), "float32")
        with torch.no_grad():
            expected = theirs(torch.from_numpy(x).permute(0, 3, 1, 2))
        expected = expected.permute(0, 2, 3, 1).numpy()
        # Logits that died away would prove nothing; huge ones too little.
        assert 0.05 < expected.std() < 10
        found = keras.ops.convert_to_numpy(ours(x))
        np.testing.assert_allclose(found, expected, atol=FLOAT32_NETWORK)


def test_a_step_of_the_peer_has_our_loss():
    pytest.importorskip("torch")
    from peers import torch_work

    shape = networks.Shape(1, 32, 0.02)
    step = networks.training(shape, "paper")
    options = {"batch": 1, "size": 32, "width": 0.02, "momentum": 0.9}
    theirs = torch_work.training("paper", rate=networks.RATE, **options)
    assert step() == pytest.approx(theirs(), rel=1e-4)


@pytest.mark.parametrize("topology", ["paper", "pointwise"])
def test_flops_are_those_of_the_layers(topology):
    shape = networks.Shape(2, 64, 0.05)
    model = networks.network(shape, topology)
    # Sizes come from layers that are called on an image of them.
    image = keras.Input((64, 64, 3), batch_size=2)
    sized = keras.models.clone_model(model, input_tensors=image)
    flops = 0
    for layer in sized.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            places = layer.input.shape[:3]
        elif isinstance(layer, keras.layers.Conv2D):
            places = layer.output.shape[:3]
        else:
            continue
        flops += 2 * np.prod(places) * np.prod(layer.kernel.shape)
    assert shape.flops(topology) == flops


@pytest.mark.slow
def test_a_quick_pass_of_everything_leaves_nothing_out(tmp_path):
    for name in bench.BACKENDS:
        pytest.importorskip(name)
    script, chart = BENCHMARKS / "bench.py", tmp_path / "speed.png"
    command = [sys.executable, script, "--quick", "--output-dir", tmp_path]
    told = subprocess.run([*command, "--chart", chart], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout
    suites = json.loads((tmp_path / "quick.json").read_text())["suites"]
    assert list(suites) == list(bench.SUITES)
    for rows in suites.values():
        assert [row["note"] for row in rows if row["note"]] == []
    assert chart.stat().st_size > 10_000
