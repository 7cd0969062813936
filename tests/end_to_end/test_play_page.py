"""The page to play with computes what the library computes, and everybody can use it.

The library is the judge of the page's numbers; frameworks are the judges of its code.
"""

import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_fcn import geometry
from keras_fcn.geometry import NotRepresentable, Window, overlap_counts, phase_sums
from keras_fcn.transposed import conv_transpose, convolution_matrix
from keras_fcn.transposed.phases import phases_of

PAGE = Path(__file__).parents[2] / "docs" / "play" / "transposed_convolution.html"
MINUS = "\N{MINUS SIGN}"
FRAMEWORKS = ("keras", "tensorflow", "pytorch", "onnx", "caffe", "jax")
DILATION = {
    "keras": "dilation_rate",
    "tensorflow": "dilations",
    "onnx": "dilations",
    "jax": "rhs_dilation",
}
STRIDE = {"pytorch": "stride", "caffe": "stride"}


def random_cases(count, seed=0):
    """Calls in all vocabularies, some of them impossible, and integers for them."""
    rng = np.random.default_rng(seed)
    cases = []
    for number in range(count):
        framework, rank = FRAMEWORKS[number % 6], 1 + number // 6 % 2
        common = random_words(framework, rng)
        bare = rng.random() < 0.4  # without what may be left out
        axes = [random_axis(framework, common, bare, rng) for _ in range(rank)]
        x, w = (rng.integers(-9, 10, [a[size] for a in axes]) for size in "nk")
        cases.append(
            {"framework": framework, "axes": axes, "x": x.tolist(), "w": w.tolist()}
        )
    return cases


def random_words(framework, rng):
    """The words that are the same for all axes."""

    def one_of(*words):
        return str(rng.choice(words))

    if framework == "keras":
        return {"padding": one_of("valid", "same")}
    if framework == "tensorflow":
        return {"padding": one_of("SAME", "VALID")}
    if framework == "onnx":
        words = ("NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")
        return {"auto_pad": one_of(*words)}
    if framework == "jax":
        padding = one_of("SAME", "VALID", "explicit", "explicit")
        return {
            "padding": padding,
            "use_consistent_padding": bool(rng.integers(2)),
        }
    return {}


def random_axis(framework, common, bare, rng):
    """Sizes and a framework's own numbers, which need not be possible."""

    def small(low, high):
        return int(rng.integers(low, high))

    n, k, s, d = small(1, 5), small(1, 5), small(1, 5), small(1, 4)
    full = s * (n - 1) + d * (k - 1) + 1
    if framework == "keras":
        own = {"output_padding": None if bare else small(0, s + 1)}
    elif framework == "tensorflow":
        reach = d * (k - 1) if common["padding"] == "VALID" else 0
        own = {"output_shape": s * (n - 1) + small(0, s + 2) + reach}
    elif framework == "pytorch":
        own = {"padding": small(0, 4), "output_padding": small(0, max(s, d) + 1)}
        if rng.random() < 0.05:
            own["padding"] = -1
    elif framework == "onnx":
        own = {
            "pads": [small(0, 4), small(0, 4)],
            "output_padding": small(0, s) if rng.random() < 0.9 else s,
            "output_shape": None if bare else max(full + small(-4, 5), 1),
        }
    elif framework == "caffe":
        own = {
            "pad": small(0, 3),
            "crop_offset": None if bare else small(0, 3),
            "crop_length": None if bare else max(full - small(0, 9), 1),
        }
    else:
        own = {"pads": [small(0, 6), small(0, 6)]}
    return {"n": n, "k": k, "s": s, "d": d, **common, **own}


def window_of(framework, axis):
    """The window in the library's words, or its `ValueError`."""
    words = {name: value for name, value in axis.items() if name not in "nksd"}
    words[STRIDE.get(framework, "strides")] = axis["s"]
    words[DILATION.get(framework, "dilation")] = axis["d"]
    positional = [axis["n"], axis["k"]]
    if framework == "tensorflow":
        positional.append(words.pop("output_shape"))
    if "pads" in words:
        words["pads"] = tuple(words["pads"])
    if framework == "jax":
        pads = words.pop("pads")
        if words["padding"] == "explicit":
            words["padding"] = pads
    return getattr(geometry, f"from_{framework}")(*positional, **words)


def arguments_of_ours(case, windows):
    """`conv_transpose`'s arguments: the framework's own where it shares its words."""
    axes, framework = case["axes"], case["framework"]
    words = {
        "strides": [a["s"] for a in axes],
        "dilation_rate": [a["d"] for a in axes],
    }
    if framework == "keras":
        words["padding"] = axes[0]["padding"]
        if axes[0]["output_padding"] is not None:
            words["output_padding"] = [a["output_padding"] for a in axes]
    elif framework == "tensorflow":
        words["padding"] = axes[0]["padding"].lower()
        words["output_shape"] = [a["output_shape"] for a in axes]
    elif framework == "pytorch":
        words["padding"] = [a["padding"] for a in axes]
        words["output_padding"] = [a["output_padding"] for a in axes]
    else:
        words["padding"] = [(w.crop, w.tail_crop) for w in windows]
    return words


def call_of_ours(framework, windows):
    """The library's translation, in the form of the page's `callFor`."""
    slices = zeros = None
    try:
        arguments = getattr(geometry, f"to_{framework}")(*windows)
    except NotRepresentable as error:
        arguments = error.workaround.arguments
        slices = [[part.start, part.stop] for part in error.workaround.slices]
        zeros = [list(pair) for pair in error.workaround.zeros]

    def listed(value):
        return list(value) if isinstance(value, list | tuple) else [value]

    rank = len(windows)
    words = {}
    for name, value in arguments.items():
        if name.startswith(("stride", "dilation")) or name == "rhs_dilation":
            continue
        if framework == "onnx" and name == "pads":
            value = [
                list(pair) for pair in zip(value[:rank], value[rank:], strict=True)
            ]
        elif framework == "jax":
            name, value = "pads", [list(pair) for pair in value]
        elif not isinstance(value, str):
            value = listed(value)
        if value == [None] and framework == "caffe":
            value = None
        if value == [None] and framework == "keras":
            value = [None] * rank
        words[name] = value
    return {"words": words, "slices": slices, "zeros": zeros}


COMPUTE = """text => JSON.stringify(JSON.parse(text).map(({framework, axes, x, w}) => {
  const play = window.keras_fcn_play;
  let windows;
  try { windows = axes.map((axis) => play.windowOf(framework, axis)); }
  catch (error) {
    if (!(error instanceof play.Impossible)) throw error;
    return { impossible: error.code };
  }
  [x, w] = [x.flat(), w.flat()];
  const y = play.convTranspose(x, w, windows);
  return {
    windows, y, cy: play.conv(y, w, windows), counts: play.overlap(windows),
    matrix: play.matrix(w, windows), taps: play.tapMatrix(windows),
    phases: windows.map((v) => play.phases(v).map((r) => r.map(({ tap }) => tap))),
    sizes: axes.map((axis) => play.sizeFormula(framework, axis)),
    shifts: windows.map(play.shift),
    calls: Object.fromEntries(
      play.FRAMEWORKS.map((f) => [f, play.callFor(f, windows)])),
    sums: play.phaseSums(w.slice(0, windows[0].k), windows[0].s),
  };
}))"""


def phases_of_ours(window):
    """The taps of each phase, from the library's runs of phases."""
    taps = [[] for _ in range(window.strides)]
    for run in phases_of(window):
        for j in range(run.count):
            found = [run.tap + j - i * run.tap_step for i in range(run.pixels)]
            taps[run.first + j] = sorted(found)
    return taps


def test_hundreds_of_calls_in_all_vocabularies_agree_with_the_library(open_page):
    cases = random_cases(540)
    # As text: Playwright takes seconds to carry so many lists over.
    answers = json.loads(open_page(PAGE).evaluate(COMPUTE, json.dumps(cases)))
    possible = dict.fromkeys(FRAMEWORKS, 0)
    impossible = dict(possible)
    for case, answer in zip(cases, answers, strict=True):
        framework, axes = case["framework"], case["axes"]
        try:
            windows = [window_of(framework, axis) for axis in axes]
        except ValueError:
            assert "impossible" in answer, case
            impossible[framework] += 1
            continue
        assert "impossible" not in answer, (case, answer)
        possible[framework] += 1
        for window, theirs, size in zip(
            windows, answer["windows"], answer["sizes"], strict=True
        ):
            assert Window(*(theirs[name] for name in "nkOsdc")) == window
            assert theirs["K"] == window.extent
            assert (theirs["F"], theirs["e"]) == (window.full_length, window.tail_crop)
            # The formula with the numbers put in, worked out by Python.
            sum_of = re.sub(", .*[<≤].*", "", size["numbers"])  # TensorFlow's limits
            sum_of = sum_of.replace("·", "*").replace(MINUS, "-").replace("mod", "%")
            length = eval(sum_of, {"max": max})
            assert length == window.output_length, (size, case)

        x, w = np.array(case["x"]), np.array(case["w"])
        words = arguments_of_ours(case, windows)
        y = conv_transpose(x[..., None], w[..., None, None], **words)[..., 0]
        assert np.array_equal(np.ravel(answer["y"]), y.ravel()), case

        # The matrix, whose entries say which tap they are, and what follows from it.
        numbers = np.arange(1, w.size + 1).reshape(w.shape)
        C = convolution_matrix(
            numbers[..., None, None],
            (*y.shape, 1),
            strides=words["strides"],
            dilation_rate=words["dilation_rate"],
            padding=[(v.crop, v.tail_crop) for v in windows],
        ).toarray()
        assert np.array_equal(answer["taps"], C), case
        weights = np.where(C, w.ravel()[C - 1], 0)
        assert np.array_equal(answer["matrix"], weights), case
        assert np.array_equal(answer["cy"], weights @ y.ravel()), case
        assert answer["counts"] == (C > 0).sum(axis=0).tolist(), case
        assert answer["phases"] == [phases_of_ours(window) for window in windows], case
        first = w.ravel()[: w.shape[-1]] if w.ndim == 1 else w.ravel()[: w.shape[0]]
        assert answer["sums"] == phase_sums(first.tolist(), axes[0]["s"])

        for target in FRAMEWORKS:
            call = answer["calls"][target]
            assert (call["slices"] is None) == (call.pop("reason") is None)
            assert call == call_of_ours(target, windows), (target, case)
    assert min(possible.values()) >= 30, possible
    assert min(impossible.values()) >= 2, impossible


def test_the_solver_finds_what_the_library_finds_in_the_same_order(open_page):
    solved = open_page(PAGE).evaluate(
        "[1, 2, 3, 4, 5, 6, 7, 8, 9].map((s) => keras_fcn_play.upsamplingBy(s))"
    )
    for s, theirs in enumerate(solved, start=1):
        ours = geometry.upsampling_by(s)
        assert [(u["k"], u["p"], u["a"]) for u in theirs] == [
            (u.kernel_size, u.padding, u.output_padding) for u in ours
        ]
        for u, v in zip(theirs, ours, strict=True):
            assert u["shift"] == [v.shift.numerator, v.shift.denominator]
            assert (u["aligned"], u["keepsConstants"], u["evenOverlap"]) == (
                v.aligned,
                v.keeps_constants,
                v.even_overlap,
            )
            counts = overlap_counts(v.kernel_size, s)
            assert u["evenOverlap"] == (len(set(counts)) == 1)


def test_a_solution_that_is_tried_gives_exactly_that_size(open_page):
    page = open_page(PAGE, query="#dims=1&in=keras&n=5&k=3&s=2")
    page.select_option("#solver-factor", index=1)  # x 3
    for framework in range(len(FRAMEWORKS)):
        for button in ("#try-5-1-0", "#try-6-2-1"):
            page.select_option("#solver-framework", index=framework)
            page.evaluate("id => document.querySelector(id).click()", button)
            assert page.locator("#size b").inner_text() == "15"
            assert "✓" in page.locator("#solutions .mine td").first.inner_text()


def test_least_squares_is_the_pseudo_inverse(open_page):
    rng = np.random.default_rng(3)
    matrices = [
        rng.integers(-3, 4, shape).tolist()
        for shape in ((4, 4), (3, 7), (7, 3), (16, 25), (1, 5), (25, 9))
    ]
    flat = np.outer([1, 2, 3], [1, 0, 2, 5])  # rank 1
    matrices.append(flat.tolist())
    right = [rng.integers(-9, 10, len(matrix)).tolist() for matrix in matrices]
    answers = open_page(PAGE).evaluate(
        "([Cs, ys]) => Cs.map((C, i) => keras_fcn_play.leastSquares(C, ys[i]))",
        [matrices, right],
    )
    for C, y, answer in zip(matrices, right, answers, strict=True):
        assert answer["rank"] == np.linalg.matrix_rank(C)
        np.testing.assert_allclose(
            answer["z"], np.linalg.pinv(C, rcond=1e-12) @ y, atol=1e-9
        )


CODE = """([target, cases]) => cases.map(({framework, axes, x, w}) => {
  const windows = axes.map((axis) => keras_fcn_play.windowOf(framework, axis));
  return keras_fcn_play.codeFor(target, x.flat(), w.flat(), windows);
})"""


def executed(code):
    names = {}
    exec(compile(code, "<the page's code>", "exec"), names)
    return np.asarray(names["y"])


def possible_cases(count, *, dilated=True):
    """Some of the random cases, and what the library makes of them."""
    found = []
    for case in random_cases(100, seed=7):
        try:
            windows = [window_of(case["framework"], axis) for axis in case["axes"]]
        except ValueError:
            continue
        if dilated or all(axis["d"] == 1 for axis in case["axes"]):
            words = arguments_of_ours(case, windows)
            x, w = np.array(case["x"]), np.array(case["w"])
            y = conv_transpose(x[..., None], w[..., None, None], **words)[..., 0]
            found.append((case, y))
    return found[:count]


def keras_dilates():
    try:
        ones = np.ones((1, 3, 1), "float32")
        keras.ops.conv_transpose(ones, ones[0, :2, :, None], 1, dilation_rate=2)
    except Exception:  # TensorFlow without oneDNN, each backend with its own error
        return False
    return True


@pytest.mark.parametrize("target", ["keras", "pytorch", "onnx", "numpy"])
def test_the_copied_code_gives_the_numbers_of_the_page(open_page, need, target, capsys):
    if target == "pytorch":
        need("torch")
    if target == "onnx":
        need("onnx", "onnxruntime")
    page = open_page(PAGE)
    dilated = target != "keras" or keras_dilates()
    cases = possible_cases(36, dilated=dilated)
    codes = page.evaluate(CODE, [target, [case for case, _ in cases]])
    for (case, y), code in zip(cases, codes, strict=True):
        assert np.array_equal(executed(code), y), (case, code)
    if target != "numpy":  # NumPy needs no detour
        assert any("\ny = y[" in code for code in codes)
        assert any("\ny = y[" not in code for code in codes)

    # And the text in the page is that code, with the numbers that are seen.
    page.click(f"#code-{target}")
    text = page.locator("#code-text").inner_text()
    assert executed(text).tolist() == [1, 2, 13, 20, 130, 200, 300]
    page.click("#copy-code")
    page.wait_for_function("document.getElementById('said').textContent == 'Copied.'")
    assert capsys.readouterr().out


def lit(page, where):
    """The texts of the cells that are lit up in a grid."""
    return page.locator(f"{where} td.on").evaluate_all(
        "cells => cells.map((c) => c.querySelector('input')?.value ?? c.textContent)"
    )


def test_pointing_at_a_pixel_shows_where_it_comes_from_and_where_it_goes(open_page):
    page = open_page(PAGE)
    page.hover('#grid-y .sum td[data-out="4"]')
    assert lit(page, "#grid-x") == ["10", "100"]
    assert lit(page, "#grid-w") == ["1", "3"]
    assert lit(page, "#grid-ct") == ["", "3", "1"]  # its row, the zero too
    assert "y[4] = w[2]·x[1] + w[0]·x[2] = 3·10 + 1·100 = 130" in (
        page.locator("#readout").inner_text()
    )
    page.hover('#grid-x td[data-in="0"]')
    stamped = "#grid-y .sum td[style]:not([style=''])"
    assert page.locator(stamped).count() == 3  # in the kernel's colours
    assert lit(page, "#grid-y .sum") == ["1", "2", "13"]
    assert lit(page, "#grid-c") == ["1", "2", "3", "", "", "", ""]
    page.hover('#grid-w td[data-tap="1"]')
    assert lit(page, "#grid-c") == ["2", "2", "2"]
    page.hover('#grid-c td[data-in="1"][data-out="3"]')  # C is read by rows
    assert "x[1] = 10 stamps" in page.locator("#readout").inner_text()
    page.hover("h1")  # nothing is pointed at: the pixel with the most overlap
    assert "y[2] = " in page.locator("#readout").inner_text()


def test_the_keyboard_shows_the_same(open_page):
    page = open_page(PAGE)
    page.locator('#grid-x td[data-in="0"] input').focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert "x[2] = 100 stamps" in page.locator("#readout").inner_text()
    assert lit(page, "#grid-y .sum") == ["130", "200", "300"]
    page.keyboard.press("Home")
    page.keyboard.type("-4")
    assert (
        page.locator("#grid-y .sum td").first.evaluate("c => c.textContent")
        == f"{MINUS}4"
    )
    page.locator('#grid-y .sum td[data-out="1"]').focus()
    page.keyboard.press("ArrowRight")
    assert f"3·({MINUS}4) + 1·10 = {MINUS}2" in page.locator("#readout").inner_text()
    page.keyboard.press("ArrowUp")  # a product: the same column
    assert "y[2] = " in page.locator("#readout").inner_text()
    page.keyboard.press("End")
    assert "y[4] = " in page.locator("#readout").inner_text()
    assert page.locator('#grid-y [tabindex="0"]').count() == 1  # one stop for Tab


def test_tab_reaches_every_control_and_each_grid_once(open_page):
    page = open_page(PAGE, query="#dims=2&in=jax&n=2&k=3&s=2&padding=explicit&pads=1:1")
    wanted = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input, pre")]
          .filter((e) => !e.disabled && !e.closest("table")).map((e) => e.id)
          .concat([...document.querySelectorAll("[role=grid]")].map((e) => e.id))"""
    )
    assert len(wanted) == len(set(wanted))
    assert "" not in wanted
    page.locator("#skip").focus()
    reached = ["skip"]
    for _ in range(3 * len(wanted)):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "(({activeElement: e}) => (e.closest('[role=grid]') ?? e).id)(document)"
            )
        )
        if reached[-1] == "new-quiz":
            break
    assert set(wanted) <= set(reached)
    grids = [name for name in reached if name.startswith(("grid", "phase"))]
    assert len(grids) == len(set(grids))
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll("select, input, [role=grid]")]
          .filter((e) => !e.getAttribute("aria-label") && !e.labels?.length)
          .map((e) => e.id)"""
    )
    assert unnamed == []


def snapshot(page):
    """All that is shown, but for what only says where the keyboard is."""
    return page.evaluate(
        """() => [
          ...["size", "output", "matrix", "phases", "overlap", "code"]
            .map((id) => document.getElementById(id).textContent),
          ...[...document.querySelectorAll("#operands input, #controls input, select")]
            .map((e) => `${e.id} ${e.value} ${e.checked} ${e.disabled}`),
        ]"""
    )


def test_a_link_brings_everything_back_and_so_does_the_back_button(open_page):
    page = open_page(PAGE)
    states = [snapshot(page)]
    page.select_option("#f-framework", "ONNX")
    states.append(snapshot(page))
    page.fill("#f-pads-01", "2")
    states.append(snapshot(page))
    page.click("#dims-2")
    page.uncheck("#linked")
    states.append(None)  # one step for each click
    page.fill("#f-k-1", "2")
    states.append(snapshot(page))
    page.fill('#grid-x td[data-in="3"] input', "-2.5")
    states.append(snapshot(page))
    page.select_option("#fill-w", "random")
    states.append(snapshot(page))
    page.click("#lang-ko")

    again = open_page(page.url)
    assert snapshot(again) == snapshot(page)
    assert again.evaluate("document.documentElement.lang") == "ko"
    assert snapshot(page)[:6] != states[-1][:6]  # in another language
    page.click("#lang-en")
    assert snapshot(page) == states[-1]

    for number in range(len(states) - 2, -1, -1):
        page.go_back()
        if states[number]:
            assert snapshot(page) == states[number], number
        else:
            page.go_back()
    page.go_forward()
    assert snapshot(page) == states[1]
    page.click("#lang-ko")
    page.go_back()  # a step back does not change the language
    assert page.evaluate("document.documentElement.lang") == "ko"


BROKEN_LINKS = (
    "#in=<img src=x onerror=alert(1)>&dims=7&n=1e9&k=-3&x=1,2&w=NaN&fill=own,own,-1",
    "#n=99999999999999999999,0x10&s=0&d=999&lang=xx&padding=__proto__",
    "#in=pytorch&padding=99&output_padding=none",
    "#in=onnx&pads=1:2:3,4&output_shape=none,none&dims=2",
    "#stage",
    "#%E0%A4%A",
)


def test_a_broken_link_still_opens_a_page_that_works(open_page):
    page = open_page(PAGE)
    for link in BROKEN_LINKS:
        page.goto("about:blank")
        page.goto(PAGE.as_uri() + link)
        page.evaluate("document.getElementById('ex-start').click()")
        assert lit(page, "#grid-y .sum") == ["13"], link


def test_impossible_settings_say_why_and_offer_a_way_out(open_page):
    page = open_page(PAGE, query="#in=pytorch&n=3&k=3&s=2&padding=9&output_padding=0")
    said = page.locator("#problem").inner_text()
    assert "7 places are painted" in said
    assert "-11 pixels would be left" in said
    assert page.locator("#output").inner_text() == ""
    page.click("#fix")
    assert page.locator("#problem").inner_text() == ""
    assert page.locator("#size b").inner_text() == "1"
    page.fill("#f-output_padding-0", "2")
    assert "below 2" in page.locator("#problem").inner_text()
    page.click("#fix")
    assert page.locator("#size b").inner_text() == "2"
    for link in (
        "#in=tensorflow&n=3&k=3&s=2&padding=VALID&output_shape=20",
        "#in=onnx&n=3&k=2&s=3&auto_pad=SAME_UPPER",
        "#in=onnx&n=3&k=2&s=3&output_shape=40",
        "#in=caffe&n=3&k=2&s=3&pad=0&crop_offset=3&crop_length=9",
        "#in=caffe&n=3&k=2&s=3&pad=6",
        "#in=caffe&n=3&k=2&s=3&crop_offset=50",
        "#in=jax&n=1&k=3&s=2&padding=explicit&pads=0:0",
        "#in=keras&n=1&k=4&s=2&padding=same&output_padding=0",
        "#dims=2&in=keras&n=2,3&k=3&s=2,3&output_padding=1,7",
    ):
        page.evaluate("link => { location.hash = link }", link)
        page.wait_for_selector("#fix")
        page.evaluate("document.getElementById('fix').click()")
        assert page.locator("#problem").inner_text() == "", link


# Names of programs, their words in code, and abbreviations: the same in both languages.
SAME_IN_KOREAN = """
Keras TensorFlow PyTorch ONNX Caffe JAX NumPy keras_fcn FCN English transposed
convolution deconvolution rank Crop NOTSET SAME_UPPER SAME_LOWER SAME VALID explicit
valid same mod max pads Cx Size of out_backprop doesn match computed keras ops
conv_transpose padding output_padding output_shape strides stride dilation_rate
dilations dilation rhs_dilation auto_pad use_consistent_padding pad crop_offset
crop_length None CᵀC Cᵀ Cᵀx Cᵀy Cᵀv
"""
EVERY_WORD = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest("script, pre, code, [lang=en]"))
      found.push(walker.currentNode.data);
  }
  for (const name of ["aria-label", "title", "placeholder"])
    for (const e of document.querySelectorAll(`[${name}]`))
      found.push(e.getAttribute(name));
  return found.concat(document.title);
}"""


ANSWER_ALL = """() => {
  for (const b of document.querySelectorAll("#quiz fieldset button")) b.click();
}"""


def test_in_korean_no_word_stays_english(open_page):
    page = open_page(PAGE)
    same_in_korean = set(SAME_IN_KOREAN.split())
    pairs = page.evaluate("Object.entries(WORDS)")
    for key, words in pairs:
        assert len(words) == 2, key
        assert all(words), key
        english, korean = (set(re.findall(r"\{\w+\}", word)) for word in words)
        assert english == korean, key  # both say the same numbers
        if re.search("[가-힣]", words[1]) is None:  # nothing to say in words
            assert set(re.findall(r"[A-Za-z]{2,}", words[1])) <= same_in_korean, key
    page.click("#lang-ko")
    assert page.evaluate("document.documentElement.lang") == "ko"
    links = [
        "#lang=ko&in=onnx&n=3&k=2&s=3&output_shape=40",
        "#lang=ko&in=caffe&pad=9",
        "#lang=ko&in=jax&padding=explicit&pads=1:2&dims=2&n=2",
        "#lang=ko&in=pytorch&padding=0&output_padding=2&s=3&k=2&d=2",
        "#lang=ko&dims=2&n=5&k=5&s=4",
    ]
    for link in [None, *links]:
        if link:
            page.evaluate("link => { location.hash = link }", link)
            page.wait_for_timeout(20)
        page.evaluate(ANSWER_ALL)
        for text in page.evaluate(EVERY_WORD):
            words = set(re.findall(r"[A-Za-z_][A-Za-z_ᵀ]+", text))
            assert words <= same_in_korean, text
    page.click("#lang-en")
    assert not any(re.search("[가-힣]", text) for text in page.evaluate(EVERY_WORD))


def test_the_quiz_is_done_by_keyboard_alone(open_page):
    page = open_page(PAGE)
    page.locator("#q-0-0").focus()
    questions = page.locator("#quiz fieldset").count()
    assert 6 <= questions <= 10
    for question in range(questions):
        while page.evaluate("document.activeElement.id") != f"q-{question}-0":
            page.keyboard.press("Tab")
        for option in range(page.locator(f"#q-{question} button").count()):
            assert (
                page.evaluate("document.activeElement.id") == f"q-{question}-{option}"
            )
            page.keyboard.press("Enter")
            said = page.locator(f"#why-{question}").inner_text()
            assert said.startswith(("Right.", "Not quite."))
            assert len(said) > 40
            if said.startswith("Right."):
                break
            page.keyboard.press("Tab")
        else:
            pytest.fail(f"question {question} has no right answer")
    assert f"of {questions} right" in page.locator("#score").inner_text()


def test_the_right_answers_of_the_quiz_are_the_library_s(open_page):
    page = open_page(PAGE)
    for link, windows in (
        ("#in=pytorch&n=4&k=3&s=3&d=2&padding=1", [Window(4, 3, 12, 3, 2, 1)]),
        (
            "#dims=2&in=keras&n=2,3&k=2,4&s=2,3&d=1",
            [Window(2, 2, 4, 2), Window(3, 4, 10, 3)],
        ),
    ):
        page.evaluate("link => { location.hash = link }", link)
        page.wait_for_timeout(20)
        right = page.evaluate(
            """makeQuiz().filter((q) => q.live)
              .map((q) => q.options.find((o) => o[1])[0])"""
        )
        size = np.prod([w.output_length for w in windows])
        assert right[0] == str(windows[-1].output_length)
        pixels = np.prod([w.input_length for w in windows])
        assert right[-1].split()[0::2] == [str(size), str(pixels)]


def test_a_narrow_screen_never_scrolls_sideways(open_page):
    page = open_page(PAGE, width=360, height=700)
    for link in (
        "#lang=en",
        "#lang=ko",
        "#lang=ko&dims=2&in=onnx&n=4,5&k=5,4&s=4,3&d=3&output_padding=2",
        "#lang=en&n=8&k=8&s=4&d=3&x=1e5,-123456,1,1,1,1,1,1&fill=own,ones,1",
        "#lang=ko&in=tensorflow&output_shape=40",
        "#lang=en&in=jax&padding=explicit&pads=1:1&dims=2&n=2,3",
    ):
        page.evaluate("link => { location.hash = link }", link)
        page.wait_for_timeout(20)
        page.evaluate(ANSWER_ALL)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, link


def test_the_two_products_of_the_dot_test_are_equal_and_live(open_page):
    page = open_page(PAGE, query="#in=pytorch&n=4&k=4&s=2&padding=1")
    seen = set()
    for value in ("7", "-3"):
        page.fill('#grid-w td[data-tap="1"] input', value)
        text = page.locator("#identity").inner_text()
        left, right = text.removeprefix("⟨Cx, v⟩ = ").split(" = ⟨x, Cᵀv⟩ = ")
        assert left == right
        seen.add(left)
    assert len(seen) == 2
    page.click("#invertible")
    assert "relative error 0" in page.locator("#inverse").inner_text()
