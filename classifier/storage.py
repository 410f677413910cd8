"""A saved model: one folder with model.joblib and a manifest that says what it is and proves that it is whole."""

import hashlib
import json
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import sklearn

from classifier.gazetteer import Gazetteer
from classifier.model import Classifier, Model
from classifier.types import ModelUnusable

_MODEL = "model.joblib"
_MANIFEST = "manifest.json"
_VERSION_LENGTH = 12


@dataclass(frozen=True)
class Saved:
    model: Model
    version: str
    manifest: dict[str, Any]


def save(model: Model, folder: Path, *, measures: dict[str, Any]) -> str:
    """Writes the folder and returns the version, which is the beginning of the model file's hash."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MANIFEST).unlink(missing_ok=True)  # an interrupted save must not leave a folder that looks whole
    joblib.dump(model, folder / _MODEL, compress=("zlib", 1))
    digest = _sha256(folder / _MODEL)
    manifest = {
        "version": digest[:_VERSION_LENGTH],
        "sha256": digest,
        "scikit_learn": sklearn.__version__,
        "trained_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "tasks": {name: len(head.labels) for name, head in model.heads.items()},
        "cutter": f"jieba {version('jieba')}",
        "threshold": model.threshold,
        "measures": measures,
    }
    (folder / _MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return str(manifest["version"])


def read(folder: Path) -> Saved:
    """Checks before unpickling: a file that is not the one the manifest names is never opened as a pickle."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        digest = _sha256(folder / _MODEL)
    except (OSError, ValueError) as error:
        raise ModelUnusable(f"The folder {folder} holds no readable model: train one first.") from error
    if manifest.get("sha256") != digest:
        raise ModelUnusable(f"The model in {folder} is not the one its manifest describes: train it again.")
    if manifest.get("scikit_learn") != sklearn.__version__:
        raise ModelUnusable(
            f"The model in {folder} was trained with scikit-learn {manifest.get('scikit_learn')}, "
            f"but {sklearn.__version__} is installed: train it again."
        )
    return Saved(joblib.load(folder / _MODEL), manifest["version"], manifest)


def load(folder: Path, gazetteer: Gazetteer | None) -> Classifier:
    saved = read(folder)
    missing = {"request_type", "category"} - saved.model.heads.keys()
    if missing:
        raise ModelUnusable(f"The model in {folder} does not answer {' and '.join(sorted(missing))}: train it from examples.")
    return Classifier(saved.model, version=saved.version, gazetteer=gazetteer)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
