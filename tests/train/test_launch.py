"""What `launch` prints, flag by flag against the parsers of what it starts; and what it does with servers."""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from globe_eval.errors import InputError
from globe_train import cli, launch, vllm
from globe_train.recipe import gpus, read_recipe, recipes_folder

LARGE = sorted(path.stem for path in recipes_folder().glob("*.yaml") if not path.stem.startswith("miniworld"))


def commands(name: str, *overrides: str, gpus: str | None = None) -> list[launch.Program]:
    return launch.commands(read_recipe(name, overrides), overrides, gpus=gpus)


@pytest.mark.parametrize("name", LARGE)
def test_every_flag_of_the_trainer_is_one_that_accelerate_and_we_know(name: str) -> None:
    pytest.importorskip("accelerate")
    from accelerate.commands.launch import launch_command_parser

    trainer = commands(name, "trainer.max_steps=9")[-1]
    words = list(trainer.words)
    assert words[0] == sys.executable
    if gpus(read_recipe(name)).train > 1:
        assert words[1:3] == ["-m", "accelerate.commands.launch"]
        parsed = launch_command_parser().parse_args(words[3:])
        assert Path(parsed.config_file).is_file() and Path(parsed.config_file).parent == launch.ACCELERATE
        assert parsed.num_processes == gpus(read_recipe(name)).train
        assert parsed.module and parsed.training_script == "globe_train.cli"
        ours = parsed.training_script_args
    else:
        assert words[1:3] == ["-m", "globe_train.cli"]
        ours = words[3:]
    options = cli.parse(ours)
    assert options.recipe == name and options.overrides == ["trainer.max_steps=9"]


@pytest.mark.parametrize("name", LARGE)
def test_gpus_are_shared_out_once_and_wholly(name: str) -> None:
    seen = [int(n) for one in commands(name) for n in one.environment["CUDA_VISIBLE_DEVICES"].split(",")]
    assert sorted(seen) == list(range(sum(gpus(read_recipe(name))))) and len(seen) <= 8


@pytest.mark.parametrize("name", LARGE)
def test_the_policys_server_has_every_flag_that_trl_asks_for(trl: object, name: str) -> None:
    """trl's own message about what a server must be started with is the list."""
    import trl.generation.vllm_generation as generation

    text = Path(str(generation.__file__)).read_text(encoding="utf-8")
    text += (Path(str(generation.__file__)).parent / "vllm_client.py").read_text(encoding="utf-8")
    for server in commands(name)[:-1]:
        if "--weight-transfer-config" in server.words:
            assert server.environment["VLLM_SERVER_DEV_MODE"] == "1"
            for flag in ("--weight-transfer-config", "--logprobs-mode", "--max-logprobs"):
                assert flag in text and flag in server.words


@pytest.mark.skipif(find_spec("vllm") is None, reason="no vLLM here")
@pytest.mark.parametrize("name", LARGE)
def test_every_flag_of_a_server_is_one_that_vllm_knows(name: str) -> None:
    from vllm.entrypoints.cli.serve import ServeSubcommand
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    parser = FlexibleArgumentParser()
    ServeSubcommand().subparser_init(parser.add_subparsers())
    for server in commands(name)[:-1]:
        assert server.words[0] == "vllm"
        parser.parse_args(list(server.words[1:]))


def test_what_is_asked_for_is_what_is_served() -> None:
    policy, reward, trainer = commands("grpo_all_rewards", "max_pixels=501760")
    recipe = read_recipe("grpo_all_rewards")
    assert policy.url == vllm.address(recipe["trainer"]) and '{"max_pixels":501760}' in policy.words
    assert recipe["rewards"]["r_loc"]["server"].startswith(str(reward.url))
    assert "r_loc=out/globe-r-loc" in reward.words and '{"max_pixels":1003520}' in reward.words
    assert trainer.environment == {"CUDA_VISIBLE_DEVICES": "0,1,2,3"}


def test_gpus_that_do_not_fit_the_recipe_are_refused_with_its_line() -> None:
    for given, said in (("8", "0 for the policy's server"), ("4+2+2", "2 for r_loc's"), ("6-2", "allowed: TRAIN")):
        with pytest.raises(InputError, match=said.replace("+", r"\+")):
            commands("grpo_two_rewards", gpus=given)
    with pytest.raises(InputError, match=r"sft.yaml, line \d+: gpus"):
        commands("sft", gpus="6+2")


def test_print_shows_commands_that_a_shell_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["launch", "grpo", "grpo_two_rewards", "--print", "--gpus", "2+1", "seed=3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [shlex.split(line)[0] for line in lines] == ["CUDA_VISIBLE_DEVICES=2", "CUDA_VISIBLE_DEVICES=0,1"]
    assert shlex.split(lines[1])[-3:] == ["grpo", "grpo_two_rewards", "seed=3"]


SERVER = """\
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_servers_are_waited_for_and_ended(tmp_path: Path) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    server = launch.Program((sys.executable, "-c", SERVER, str(port)), {}, url)
    code = f"import httpx, sys; sys.exit(httpx.get('{url}').status_code - 195)"
    trainer = launch.Program((sys.executable, "-c", code), {"CUDA_VISIBLE_DEVICES": "0"})
    assert launch.run([server, trainer], tmp_path) == 5
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "nothing is left"


def test_a_server_that_ends_or_is_not_installed_is_one_line(tmp_path: Path) -> None:
    trainer = launch.Program((sys.executable, "-c", "raise SystemExit(9)"))
    dies = launch.Program((sys.executable, "-c", "raise SystemExit('no GPU')"), {}, "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"ended with exit code 1: no GPU .*server-1.log"):
        launch.run([dies, trainer], tmp_path)
    with pytest.raises(InputError, match=r"no_such_program: not installed; pip install 'globe-eval\[gpu\]'"):
        launch.run([launch.Program(("no_such_program",), {}, "http://127.0.0.1:9"), trainer], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["server-1.log"]
