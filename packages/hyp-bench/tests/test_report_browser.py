"""The page in a real browser: it draws, answers hover, click, search and keys, is exact far out, asks for nothing."""

import json
import shutil
import time

import numpy as np
import pytest
from hyp_bench.report import write_html
from hyp_bench.report.chart import geodesic_arcs
from hyp_bench.report.palette import DARK, LIGHT
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.one_precision

# Containers run as root and have a small /dev/shm; the rest keeps the browser itself off the network.
FLAGS = [
    "--headless",
    "--window-size=1200,900",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


def program(*names: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.fail(
            f"none of {', '.join(names)} is installed: on Debian, `apt-get install chromium chromium-driver`. "
            "On a machine without a browser set HYP_NO_BROWSER=1 to leave this file out."
        )
    return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium", "chromium-browser", "google-chrome")
    for flag in [*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(program("chromedriver")))
    yield driver
    driver.quit()


class Page:
    """What a reader does with the page, and what they see."""

    def __init__(self, browser, address):
        self.browser, self.address = browser, address

    def prefer(self, **features):
        features = {"prefers-reduced-motion": "no-preference", "prefers-color-scheme": "light"} | features
        listed = [{"name": name, "value": value} for name, value in features.items()]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": listed})

    def js(self, code, *values):
        return self.browser.execute_script(code, *values)

    def settle(self):
        deadline = time.monotonic() + 20
        while self.js("return hypDisk.state().moving"):
            assert time.monotonic() < deadline, "the picture did not come to rest"
            time.sleep(0.02)
        return self.js("return hypDisk.state()")

    def place(self, node):
        return np.array(self.js("return hypDisk.places()[arguments[0]]", node))

    def disk(self):
        return np.array(self.js("return hypDisk.disk()"))

    def point(self, *places, press=False, release=False):
        """Moves the pointer through the places; press at the first, release at the last."""
        actions = ActionBuilder(self.browser, duration=0)
        for i, (x, y) in enumerate(places):
            actions.pointer_action.move_to_location(round(x), round(y))
            if press and i == 0:
                actions.pointer_action.pointer_down()
        if release:
            actions.pointer_action.pointer_up()
        actions.perform()

    def type(self, keys):
        webdriver.ActionChains(self.browser).send_keys(keys).perform()


@pytest.fixture(scope="module")
def address(tree, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "disk.html"
    words = {"title": "Synthetic </title><script>window.pwned = 1</script>", "caption": "radius to 20"}
    write_html(path, tree.points, tree.labels, tree.edges, manifold="hyperboloid", c=tree.c, **words)
    return path.as_uri()


@pytest.fixture
def page(browser, address):
    page = Page(browser, address)
    page.prefer(**{"prefers-reduced-motion": "reduce"})
    for log in ("performance", "browser"):
        browser.get_log(log)
    browser.get(address)
    page.settle()
    yield page
    assert page.js("return window.pwned") is None
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def colours_near(page, x, y):
    """The colours of the canvas in the five by five pixels around a place of the window, shape (25, 3)."""
    data = page.js(
        """const [x, y] = arguments, canvas = document.getElementById("disk"), box = canvas.getBoundingClientRect();
        const k = canvas.width / box.width, ctx = canvas.getContext("2d");
        return [...ctx.getImageData((x - box.left) * k - 2, (y - box.top) * k - 2, 5, 5).data]""",
        float(x),
        float(y),
    )
    return np.array(data).reshape(25, 4)[:, :3]


def rgb(colour):
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def test_it_draws_nodes_and_edges_in_light_and_dark(page):
    for scheme, colours in ("light", LIGHT), ("dark", DARK):
        page.prefer(**{"prefers-color-scheme": scheme})
        page.js("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        page.settle()
        shares = page.js(
            """const canvas = document.getElementById("disk"), counts = {};
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            for (let i = 0; i < data.length; i += 4) {
              const key = data[i + 3] ? [data[i], data[i + 1], data[i + 2]].join() : "clear";
              counts[key] = (counts[key] || 0) + 1;
            }
            return counts"""
        )
        disk, clear = shares.pop(",".join(map(str, rgb(colours["disk"])))), shares.pop("clear")
        assert 0.01 * disk < sum(shares.values()) < 0.4 * disk, scheme
        assert clear > 0
        ground = page.js("return getComputedStyle(document.body).backgroundColor")
        assert ground == f"rgb({', '.join(map(str, rgb(colours['page'])))})"


def test_hovering_shows_the_name_and_the_path_and_lights_the_edges(page, tree):
    node = 3
    page.js("hypDisk.lookFrom(arguments[0])", node)
    page.settle()
    x, y = page.place(node)
    parent = page.disk()[0]
    middle = geodesic_arcs(np.zeros((1, 2)), parent[None], steps=4)[0, 2] * page.js("return hypDisk.radius()")
    mark = rgb(LIGHT["mark"])
    assert np.abs(colours_near(page, x + middle[0], y - middle[1]) - mark).max(axis=1).min() > 60
    page.point((x + 2, y - 2))
    page.settle()
    tip = page.browser.find_element(By.ID, "tip")
    assert tip.is_displayed()
    assert tip.find_element(By.TAG_NAME, "b").get_property("textContent") == tree.labels[node]
    assert tip.find_element(By.TAG_NAME, "span").get_property("textContent") == tree.labels[0]
    assert page.js("return hypDisk.state().hovered") == node
    assert np.abs(colours_near(page, x + middle[0], y - middle[1]) - mark).max(axis=1).min() < 30
    page.point((x + 100, y + 15))
    page.settle()
    assert not tip.is_displayed()


def test_a_click_recentres_in_many_small_steps(page):
    page.prefer()
    node = 2
    page.point(page.place(node), press=True, release=True)
    centres = page.browser.execute_async_script(
        """const done = arguments[0], seen = [];
        const look = () => { const s = hypDisk.state(); seen.push([s.radius, s.angle]);
          s.moving ? requestAnimationFrame(look) : done(seen); };
        look();"""
    )
    assert page.settle()["selected"] == node
    np.testing.assert_allclose(page.disk()[node], 0, atol=1e-9)
    assert len({radius for radius, _ in centres}) > 5, "the picture jumped"
    stage = page.js(
        """const box = document.getElementById("stage").getBoundingClientRect();
        return [box.x + box.width / 2, box.y + box.height / 2]"""
    )
    np.testing.assert_allclose(page.place(node), stage, atol=0.5)
    assert page.js("return document.getElementById('said').textContent") == page.js("return hypDisk.labels[2]")


def test_reduced_motion_jumps(page):
    page.js("hypDisk.go(2); return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert not page.js("return hypDisk.state().moving")
    np.testing.assert_allclose(page.disk()[2], 0, atol=1e-9)


def test_recentred_places_agree_with_sixty_digits(page, tree, oracle):
    radius = page.js("return hypDisk.labels.map((_, i) => { hypDisk.lookFrom(i); return hypDisk.state().radius })")
    assert max(radius) > 19
    for node in [0, 5, 39, *np.argsort(radius)[-12:].tolist()]:
        page.js("hypDisk.lookFrom(arguments[0])", node)
        error = np.abs(page.disk() - oracle.looking_from(node)).max()
        assert error < 1e-6, (node, radius[node], error)


def test_a_long_trip_loses_nothing(page, oracle):
    trip = [120, 40, 41, 85, 119, 13, 60]
    for node in trip:
        page.js("hypDisk.go(arguments[0])", node)
        page.settle()
    np.testing.assert_allclose(page.disk(), oracle.looking_from(*trip), atol=1e-5)


def test_the_way_is_a_geodesic_and_the_picture_does_not_spin(page):
    worst = page.js(
        """const { glide, distance, project, makeNodes } = hypDisk.geometry, worst = [0, 0];
        const ends = [[18, 0.4, 18, 0.4 + 1e-7], [18, 3.1, 18, -3.1], [20, 1, 20, -2.1], [0, 0, 20, 2], [9, 1, 9, 1]];
        for (const [r, a, q, b] of ends) {
          const from = { radius: r, angle: a, turn: 0.3 }, to = { radius: q, angle: b }, d = distance(from, to);
          const nodes = makeNodes([r, q], [a, b]), start = project(from, nodes, []);
          const way = Math.atan2(start[3], start[2]);
          for (const t of [0.1, 0.5, 0.8]) {
            const view = glide(from, to, t), out = project(view, nodes, []);
            const before = Math.abs(distance(from, view) - t * d), after = Math.abs(distance(view, to) - (1 - t) * d);
            worst[0] = Math.max(worst[0], before, after);
            if (d > 1e-6) worst[1] = Math.max(worst[1], Math.abs(Math.sin(Math.atan2(out[3], out[2]) - way)));
          }
        }
        return worst"""
    )
    assert worst[0] < 1e-5
    assert worst[1] < 1e-5


def test_edges_on_the_screen_are_arcs_orthogonal_to_the_rim(page):
    rng = np.random.default_rng(3)
    ends = rng.uniform(-1, 1, (60, 2, 2))
    ends *= (rng.uniform(0.05, 0.9999, (60, 2)) / np.hypot(*np.moveaxis(ends, -1, 0)))[..., None]
    ends[0] = [(0.5, 0.25), (-0.8, -0.4)]
    ends[1] = [(0.999, 0.01), (0.999, -0.01)]
    pieces = page.js(
        """return arguments[0].map(([[ax, ay], [bx, by]]) => {
          const pieces = []; let at;
          const path = {
            moveTo: (...p) => { at = p; },
            lineTo: (...p) => { pieces.push([at, at, p, p]); at = p; },
            bezierCurveTo: (a, b, c, d, e, f) => { pieces.push([at, [a, b], [c, d], [e, f]]); at = [e, f]; },
          };
          hypDisk.geometry.addGeodesic(path, ax, ay, bx, by, 1000, 0, 0);
          return pieces; })""",
        ends.tolist(),
    )
    t = np.linspace(0, 1, 21)[:, None]
    for (a, b), cubics in zip(ends, pieces, strict=True):
        drawn = np.concatenate(
            [
                (1 - t) ** 3 * p + 3 * t * (1 - t) ** 2 * q + 3 * t**2 * (1 - t) * r + t**3 * s
                for p, q, r, s in np.array(cubics)
            ]
        ) * [1e-3, -1e-3]
        exact = geodesic_arcs(a[None], b[None], steps=2000)[0]
        gaps = np.hypot(*(drawn[:, None] - exact[None]).transpose(2, 0, 1)).min(axis=1)
        assert gaps.max() < 1.2e-3, (a, b)
        np.testing.assert_allclose(drawn[[0, -1]], [a, b], atol=1e-9)


def test_dragging_carries_the_point_under_the_pointer(page):
    here = np.round(page.place(0))
    # Out along a line, then sideways: only the second drag turns the picture.
    for step in (150, 0), (-100, -180), (-90, 170):
        page.point(here, here + np.array(step) / 3, here + step, press=True, release=True)
        here = here + step
        state = page.settle()
        np.testing.assert_allclose(page.place(0), here, atol=2)
    assert state["radius"] > 0.1
    assert state["selected"] == -1


def test_search_finds_a_node_and_goes_there(page, tree):
    page.type("/")
    assert page.js("return document.activeElement.id") == "search"
    page.type("NODE 11")
    names = [item.text for item in page.browser.find_elements(By.CSS_SELECTOR, "#matches [role=option]")]
    assert names == ["node 11", *[f"node {i}" for i in range(110, 117)]]
    page.type(Keys.ARROW_DOWN + Keys.ENTER)
    assert page.settle()["selected"] == 110
    np.testing.assert_allclose(page.disk()[110], 0, atol=1e-6)
    assert page.js("return document.getElementById('matches').hidden")
    page.type("/")
    page.type("no such name")
    assert "No node" in page.browser.find_element(By.ID, "matches").text
    page.type(Keys.ENTER)
    assert page.settle()["selected"] == 110


def test_a_hostile_name_is_only_text(page, tree):
    page.type("/")
    page.type("</script>")
    option = page.browser.find_element(By.CSS_SELECTOR, "#matches [role=option]")
    assert option.text == tree.labels[1]
    page.type(Keys.ENTER)
    assert page.settle()["selected"] == 1
    assert page.browser.title.startswith("Synthetic </title>")


def test_keys_and_buttons_lead_home_and_through_the_tree(page):
    page.js("hypDisk.go(40); document.getElementById('disk').focus()")
    page.settle()
    for key, node in (Keys.ARROW_UP, 13), (Keys.ARROW_RIGHT, 14), (Keys.ARROW_LEFT, 13), (Keys.ARROW_DOWN, 40):
        page.type(key)
        assert page.settle()["selected"] == node
    page.type(Keys.ESCAPE)
    state = page.settle()
    assert (state["radius"], state["selected"]) == (0, -1)
    assert abs(state["turn"]) < 1e-9
    page.browser.find_element(By.CSS_SELECTOR, "#legend button").click()
    assert page.settle()["radius"] > 1
    page.browser.find_element(By.ID, "home").click()
    assert page.settle()["radius"] == 0


def test_no_request_leaves_the_page(page, browser, address):
    page.js("hypDisk.go(50)")
    page.settle()
    page.type("/")
    page.type("http")
    page.type(Keys.ENTER)
    page.point(page.place(3))
    page.settle()
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    assert {e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"} == {address}
    assert not [e for e in events if e["method"] in ("Network.webSocketCreated", "Network.webTransportCreated")]


def test_the_policy_refuses_a_request_and_a_foreign_script(page):
    refused = page.browser.execute_async_script(
        """const done = arguments[0], seen = [];
        addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
        fetch("http://127.0.0.1:9/hypDisk-test").catch(() => {});
        const image = new Image();
        image.src = "http://127.0.0.1:9/hypDisk-test.png";
        const script = document.createElement("script");
        script.textContent = "window.pwned = 'hypDisk-test'";
        document.head.append(script);
        setTimeout(() => done(seen), 300);"""
    )
    assert set(refused) == {"connect-src", "img-src", "script-src-elem"}
    page.browser.get_log("browser")
