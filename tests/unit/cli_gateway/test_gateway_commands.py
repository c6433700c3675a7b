"""Laws of `sluice`: one door out, four facts and a code; and what must be set before anything is imported."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.certificates import certificate_request
from clients.operator.ca import Authority, PartyKind
from gateway.adapters.keyfiles.keys import KeyFiles
from gateway.bootstrap import SWITCH_SECONDS, Gateway, load
from gateway.cli import main as main_module
from gateway.cli.certificate import read_lasting
from gateway.cli.main import main
from gateway.cli.status import _is_alive, _running
from gateway.core.errors import CallerError, Fault, Refused
from gateway.settings import FILE, Settings, check_listen, read_settings
from gateway.usecases.enrol import gateway_bundle, new_tls_key
from tests.stand import Stand

SETTINGS = Settings(
    gateway_id="demo",
    listen="127.0.0.1:0",
    store=Path("store"),
    keys=Path("keys"),
    kek=Path("../kek"),
    floor=Path("../floor"),
    roots=Path("roots.pem"),
    certificate=Path("certificate.pem"),
    tls_key=Path("keys/tls.key"),
    unsafe_kek_beside_store=False,
)


def exit_code(*words: str) -> int:
    """What the process would end with."""
    with pytest.raises(SystemExit) as caught:
        main(list(words))
    return int(str(caught.value.code))


def failing(error: BaseException) -> click.Command:
    """A command that fails."""

    @click.command()
    @click.option("--json", "as_json", is_flag=True)
    def command(as_json: bool) -> None:
        raise error

    return command


ERRORS: list[tuple[BaseException, int]] = [
    (CallerError("x-malformed", "the input is wrong", at="x"), 2),
    (Refused("denied", "it is not allowed"), 5),
    (Fault("store-full", "there is no room"), 1),
    (OSError(28, "No space left on device", "/srv/x"), 1),
    (KeyboardInterrupt(), 130),
    (click.Abort(), 130),
]


@pytest.mark.parametrize(("error", "code"), ERRORS, ids=[type(error).__name__ for error, _ in ERRORS])
def test_a_failure_leaves_by_its_family_and_says_the_same_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int
) -> None:
    """A script goes by the code, a person by the sentence, and neither finds them to differ."""
    monkeypatch.setitem(main_module._COMMANDS, "status", ("fails:it", "fails"))  # type: ignore[index]  # a mapping to read
    monkeypatch.setitem(sys.modules, "fails", SimpleNamespace(it=failing(error)))

    plain, text = exit_code("status"), capsys.readouterr().err
    as_json, facts = exit_code("status", "--json"), capsys.readouterr().err

    assert (plain, as_json) == (code, code)
    if code != 130:
        assert text.startswith(f"error[{json.loads(facts)['code']}]: ")


def test_a_bug_is_not_taken_for_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the process by itself, non-zero, and is logged by type and place."""
    monkeypatch.setitem(main_module._COMMANDS, "status", ("fails:it", "fails"))  # type: ignore[index]  # a mapping to read
    monkeypatch.setitem(sys.modules, "fails", SimpleNamespace(it=failing(ZeroDivisionError())))

    with pytest.raises(ZeroDivisionError):
        main(["status"])


def test_usage_errors_and_help_end_as_they_should(capsys: pytest.CaptureFixture[str]) -> None:
    """A word that is none is bad input; asking for help is not."""
    assert exit_code() == 2
    assert exit_code("--help") == 0
    shown = capsys.readouterr().out
    assert "serve" in shown
    assert "Exit codes: 0 ok, 1 failed, 2 usage" in shown
    assert exit_code("servee") == 2
    assert exit_code("serve") == 2
    assert exit_code("serve", "x", "--nonsense") == 2


@pytest.mark.parametrize(
    ("words", "at", "said"),
    [
        (("servee",), "sluice", "did you mean 'serve'"),
        (("serve",), "sluice serve", "missing argument"),
        (("serve", "x", "--lisen", "y"), "sluice serve", "--listen"),
    ],
)
def test_a_mistyped_word_is_answered_at_its_verb(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], at: str, said: str
) -> None:
    """Whoever runs the machine at night mistypes, and wants the page of that verb."""
    assert exit_code(*words, "--json") == 2
    error = json.loads(capsys.readouterr().err)

    assert (error["at"], error["do"]) == (at, f"`{at} --help`")
    assert said.lower() in error["message"].lower()


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_certificate_that_cannot_be_read_has_no_end(tmp_path: Path, content: bytes | None) -> None:
    """A gateway that has none yet can still be asked how it is."""
    path = tmp_path / "certificate.pem"
    if content is not None:
        path.write_bytes(content)

    assert read_lasting(path) is None


def test_a_certificate_says_until_when_and_from_when_it_is_renewed(tmp_path: Path) -> None:
    """Whoever looks after the machine sees an authority that does not answer before anybody is cut off."""
    path = tmp_path / "certificate.pem"
    now = datetime.now(UTC).replace(microsecond=0)
    authority = Authority.create("sluice.example", now)
    request = certificate_request(new_tls_key())
    path.write_bytes(authority.issue(request, PartyKind.GATEWAY, "demo", now=now, hosts=["127.0.0.1"]))

    lasting = read_lasting(path)

    assert lasting is not None
    assert lasting.until == now + timedelta(hours=24)
    assert timedelta(hours=15) < lasting.renewed_from - now < timedelta(hours=16)
    assert "renews itself from" in lasting.told(now)
    assert lasting.told(lasting.renewed_from).endswith("asks for its next one")
    assert lasting.told(lasting.until).startswith("EXPIRED")


def test_the_words_of_a_gateway_can_be_read_out_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An authority that is replaced certifies the gateway once more, by what is heard."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    keys = KeyFiles.create(folder / "keys")
    bundle = gateway_bundle("demo", keys, new_tls_key())

    without = exit_code("words", str(folder), "--json")
    (folder / "gateway.enrol").write_bytes(bundle.encoded)
    capsys.readouterr()
    done = exit_code("words", str(folder), "--json")

    assert (without, done) == (1, 0)
    assert json.loads(capsys.readouterr().out)["words"] == "-".join(bundle.words())


def test_the_ciphers_are_chosen_before_grpc_is_imported() -> None:
    """Set later it has no effect: the library reads it once, when it is loaded."""
    script = (
        "import sys, os\n"
        "from gateway.cli import main\n"
        "assert 'grpc' not in sys.modules, 'imported too early'\n"
        "seen = []\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'grpc':\n"
        "            seen.append(os.environ.get('GRPC_SSL_CIPHER_SUITES'))\n"
        "sys.meta_path.insert(0, Finder())\n"
        "try:\n"
        "    main.main(['serve', '/nonexistent'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "print(seen)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env={"GRPC_SSL_CIPHER_SUITES": "ALL"},
    )

    assert done.stdout.strip() == "['ECDHE-RSA-AES256-GCM-SHA384']"


def test_the_interpreter_lets_the_writer_in_sooner(tmp_path: Path) -> None:
    """Commits and signatures wait for the loop's own work otherwise; measured, a third of the time."""
    before = sys.getswitchinterval()
    stand = Stand.found(tmp_path)
    seen: list[float] = []

    async def scenario() -> None:
        async with stand.serving():
            seen.append(sys.getswitchinterval())

    try:
        asyncio.run(scenario())
    finally:
        sys.setswitchinterval(before)

    assert seen[0] == pytest.approx(SWITCH_SECONDS)


def test_a_store_that_fails_stops_the_gateway_with_its_fault(tmp_path: Path) -> None:
    """Nobody is served by a gateway that can store nothing; whoever runs it hears why."""
    stand = Stand.found(tmp_path)

    async def scenario() -> Fault:
        loaded = load(stand.settings, every_signature=False)

        async def broken(appends: object) -> None:
            raise Fault("store-latched", "the disk failed")

        gateway = Gateway(stand.settings, loaded)
        loaded.journals.commit = broken  # type: ignore[method-assign]  # the disk fails from here on
        with pytest.raises(Fault) as caught:
            await gateway.serve(asyncio.Event(), lambda port: None)
        return caught.value

    assert asyncio.run(scenario()).code == "store-latched"
    load(stand.settings, every_signature=True).journals.close()


def test_a_floor_that_fails_stops_the_gateway_with_its_fault(tmp_path: Path) -> None:
    """Without it the next start could not tell this store from an older one; also when it fails on the way down."""
    stand = Stand.found(tmp_path)

    async def scenario(stop_first: bool) -> str:
        loaded = load(stand.settings, every_signature=False)
        gateway, stop = Gateway(stand.settings, loaded), asyncio.Event()
        floor = stand.settings.floor.read_bytes()

        def listening(_: int) -> None:
            stand.settings.floor.write_bytes(b"damaged")
            if stop_first:
                stop.set()

        with pytest.raises(Fault) as caught:
            await gateway.serve(stop, listening)
        stand.settings.floor.write_bytes(floor)
        return caught.value.code

    assert asyncio.run(scenario(stop_first=False)) == "floor-damaged"
    assert asyncio.run(scenario(stop_first=True)) == "floor-damaged"


paths = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\x7f/"), min_size=1, max_size=20)


@given(paths, st.booleans())
def test_settings_are_read_back_as_they_were_written(name: str, unsafe: bool) -> None:
    """A path may hold a quote, a backslash or a line break; none of them may become another setting."""
    settings = replace(SETTINGS, certificate=Path(name), unsafe_kek_beside_store=unsafe)

    table = tomllib.loads(settings.to_toml())

    assert table["certificate"] == str(Path(name))
    assert table["unsafe_kek_beside_store"] is unsafe
    assert len(table) == 10


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda text: text + "extra = 1\n", "settings-malformed"),
        (lambda text: text.replace("listen = ", "# "), "settings-malformed"),
        (lambda text: text.replace('"127.0.0.1:0"', "8443"), "settings-malformed"),
        (
            lambda text: text.replace("unsafe_kek_beside_store = false", 'unsafe_kek_beside_store = "no"'),
            "settings-malformed",
        ),
        (lambda text: text.replace('"127.0.0.1:0"', '"nowhere"'), "listen-malformed"),
        (lambda text: text.replace('"../floor"', '"store/floor"'), "settings-malformed"),
        (lambda text: text.replace('"../kek"', '"store"'), "settings-malformed"),
        (lambda text: text + "token_roots = true\n", "settings-malformed"),
        (lambda text: "= nonsense", "settings-malformed"),
    ],
)
def test_settings_that_are_not_exactly_right_are_refused(tmp_path: Path, edit: object, code: str) -> None:
    """A key that is misspelt is a setting that somebody believes in."""
    (tmp_path / FILE).write_text(edit(SETTINGS.to_toml()))  # type: ignore[operator]  # a function of text

    with pytest.raises(CallerError) as caught:
        read_settings(tmp_path)

    assert caught.value.code == code


def test_a_setting_that_older_files_do_not_have_may_be_left_out(tmp_path: Path) -> None:
    """A gateway from before there were tokens starts as it did, and takes none."""
    (tmp_path / FILE).write_text(SETTINGS.to_toml())
    assert read_settings(tmp_path).token_roots is None

    (tmp_path / FILE).write_text(replace(SETTINGS, token_roots=Path("issuers.pem")).to_toml())
    assert read_settings(tmp_path).token_roots == tmp_path / "issuers.pem"


def test_roots_of_issuers_that_are_none_stop_the_start(tmp_path: Path) -> None:
    """Not the first partner with a token must find it out."""
    stand = Stand.found(tmp_path)
    settings = replace(stand.settings, token_roots=tmp_path / "issuers.pem")

    for content in (None, b"no certificate"):
        if content is not None:
            (tmp_path / "issuers.pem").write_bytes(content)
        with pytest.raises(Fault) as caught:
            Gateway(settings, load(settings, every_signature=False))
        assert caught.value.code == "token-roots"


def test_settings_that_are_not_there_say_how_to_make_them(tmp_path: Path) -> None:
    """The next command is named."""
    with pytest.raises(Fault) as caught:
        read_settings(tmp_path)

    assert (caught.value.code, caught.value.do) == ("settings-missing", "`sluice init`")


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "[::1]:8443", "gw.example:65535"])
def test_an_address_with_a_port_is_one(listen: str) -> None:
    """IPv6 in brackets too."""
    assert check_listen(listen, "here") == listen


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"pid": "x", "listening": "127.0.0.1:1"}', '{"pid": 1}', '{"pid": null, "listening": ""}'],
)
def test_a_running_file_of_nonsense_is_not_running(tmp_path: Path, content: str) -> None:
    """It may be cut by a crash; status must still answer."""
    (tmp_path / "running.json").write_text(content)

    assert _running(tmp_path) is None


def test_only_a_process_that_is_there_and_answers_is_running(tmp_path: Path) -> None:
    """A number may have gone to another process; a port to another program."""
    (tmp_path / "running.json").write_text(json.dumps({"pid": 2**60, "listening": "127.0.0.1:1"}))
    assert _running(tmp_path) is None
    for listening in ("127.0.0.1:1", "127.0.0.1:x", "127.0.0.1:99999999"):
        (tmp_path / "running.json").write_text(json.dumps({"pid": 1, "listening": listening}))
        assert _running(tmp_path) is None
    assert not _is_alive(2**31 - 2)


def test_a_process_of_another_user_is_there() -> None:
    """A gateway does not run as the one who looks after it."""

    def forbidden(pid: int, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    assert _is_alive(1, forbidden)
