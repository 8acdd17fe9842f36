"""What the doctor found, as lines or as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from .language import N_, tr
from .terminal import cells, masked, print_text, write_json_to_stdout

OK, NOTE, FAILED, SKIPPED = N_("ok"), N_("note"), N_("FAILED"), N_("-")
_STEPS = {
    "address": N_("address"),
    "name": N_("name"),
    "connection": N_("connection"),
    "tls": N_("TLS"),
    "api": N_("API"),
    "version": N_("version"),
    "key": N_("key"),
    "app": N_("app"),
    "stream": N_("stream"),
    "buffering": N_("buffering"),
}


@dataclass(frozen=True)
class Finding:
    """How one step went, and what to do where it did not go well."""

    step: str
    status: str
    text: str
    advice: str = ""


class Report:
    """Prints each finding as it comes; never with one of the `secrets`."""

    def __init__(self, is_json: bool, secrets: Iterable[str]) -> None:
        self._is_json = is_json
        self._secrets = [secret for secret in secrets if secret]
        self._findings: list[Finding] = []
        if is_json:
            write_json_to_stdout()

    def add(self, finding: Finding) -> None:
        """Take the next finding."""
        finding = Finding(
            finding.step, finding.status, self._safe(finding.text), self._safe(finding.advice)
        )
        self._findings.append(finding)
        if self._is_json:
            return
        status, step = tr(finding.status), tr(_STEPS[finding.step])
        head = f"{_padded(status, map(tr, (OK, NOTE, FAILED)))}  {_padded(step, _step_names())}  "
        print_text(f"{head}{finding.text}\n")
        if finding.advice:
            print_text(f"{' ' * cells(head)}-> {finding.advice}\n")

    def end(self, is_interrupted: bool) -> bool:
        """Print the sum; whether all went well."""
        failed = sum(finding.status == FAILED for finding in self._findings)
        rest = [step for step in _STEPS if step not in {each.step for each in self._findings}]
        if self._is_json:
            steps = [
                {"step": f.step, "status": _word(f.status), "text": f.text, "advice": f.advice}
                for f in self._findings
            ]
            whole = {"ok": not failed and not is_interrupted, "steps": steps, "unchecked": rest}
            print_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
        elif rest:
            names = tr(", ").join(tr(_STEPS[step]) for step in rest)
            print_text("\n" + tr("not checked: {steps}", steps=names) + "\n")
        elif failed:
            print_text("\n" + tr("not everything works") + "\n")
        else:
            print_text("\n" + tr("everything works") + "\n")
        return not failed

    def _safe(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return masked(" ".join(text.split()))


def _step_names() -> Iterable[str]:
    return map(tr, _STEPS.values())


def _word(status: str) -> str:
    return {OK: "ok", NOTE: "note", FAILED: "failed"}.get(status, "skipped")


def _padded(text: str, all_texts: Iterable[str]) -> str:
    return text + " " * (max(map(cells, all_texts)) - cells(text))
