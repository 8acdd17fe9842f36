"""PyInstaller's hook: `dify_java_compat` imports its modules when a name is first asked for."""

from PyInstaller.utils.hooks import (  # type: ignore[import-not-found, import-untyped, unused-ignore]
    can_import_module,
    collect_data_files,
    collect_submodules,
)

_UNWANTED = ["dify_java_compat._pyinstaller", "dify_java_compat.pytest_plugin"]
if not can_import_module("werkzeug"):
    _UNWANTED.append("dify_java_compat.emulator")


def _is_wanted(name: str) -> bool:
    return not name.startswith(tuple(_UNWANTED))


hiddenimports = collect_submodules("dify_java_compat", filter=_is_wanted, on_error="ignore")
datas = collect_data_files("dify_java_compat", excludes=["**/*.pyi", "**/py.typed"])
