"""The files in deploy/, as far as they can be looked at without containers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from advisor_bot.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
FILES = [path for path in sorted(DEPLOY.rglob("*")) if path.is_file()]


def test_every_setting_named_is_one() -> None:
    named = {name for path in FILES for name in re.findall(rf"{PREFIX}([A-Z_]+)", path.read_text())}
    assert named
    assert {name.lower() for name in named} <= set(Settings.model_fields)


@pytest.mark.parametrize("file", ["Dockerfile", "space/Dockerfile"])
def test_what_an_image_is_made_of_is_there(file: str) -> None:
    lines = re.findall(r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", (DEPLOY / file).read_text(), re.M)
    sources = {source for line in lines for source in line.split()}
    assert "src" in sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_image_that_serves_takes_nothing_from_the_stage_with_pytorch_but_the_guide() -> None:
    serve = (DEPLOY / "Dockerfile").read_text().partition(" AS serve\n")[2]
    assert re.findall(r"--from=(\S+)(?: --chown=\S+)? (\S+)", serve) == [
        ("without-torch", "/opt/advisor"),
        ("publish", "/guide"),
    ]
    assert "USER 1000" in serve
    assert "HEALTHCHECK" in serve


def test_compose_and_kubernetes_run_the_same_programs() -> None:
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    manifests = [
        m for name in ("kubernetes", "publish") for m in yaml.safe_load_all((DEPLOY / f"{name}.yaml").read_text())
    ]
    pods = {m["metadata"]["name"]: m["spec"]["template"]["spec"] for m in manifests if "template" in m.get("spec", {})}
    images = {name: pod["containers"][0]["image"] for name, pod in pods.items()}
    assert images == {
        name.removesuffix("-1"): one["image"] for name, one in services.items() if name not in ("advisor-2", "nginx")
    }


@pytest.mark.skipif(not shutil.which("nginx", path="/usr/sbin:/usr/bin"), reason="nginx is not installed")
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "1",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    text = (DEPLOY / "nginx.conf").read_text().replace("/etc/nginx/tls", str(tmp_path))
    (tmp_path / "nginx.conf").write_text(re.sub(r"advisor-([12]):", r"127.0.0.\1:", text))
    command = ["nginx", "-t", "-c", str(tmp_path / "nginx.conf"), "-g", f"pid {tmp_path}/pid; error_log stderr;"]
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/sbin:/usr/bin"}, check=False)
    assert done.returncode == 0, done.stderr
