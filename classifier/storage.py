"""A saved model: plain arrays, and a manifest that says what they are and proves that they are whole. Nothing is unpickled."""

import hashlib
import io
import json
import time
import zipfile
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from classifier.city import Routing
from classifier.confidence import Calibration
from classifier.cutting import Dictionary
from classifier.features import Features, Reader
from classifier.gazetteer import Gazetteer
from classifier.grams import Numbers
from classifier.linear import Fit, Recipe
from classifier.model import Classifier, Head, Memory, Model
from classifier.types import ModelUnusable

FORMAT = 3
_ARRAYS = "model.npz"
_MANIFEST = "manifest.json"
_VERSION_LENGTH = 12
_NONE = np.zeros(0, np.uint64)  # models saved before openings were read have no columns of them
_LISTS = ("urgent.txt", "user_dict.txt", "outside.txt", "traditional.txt")


@dataclass(frozen=True)
class Saved:
    model: Model
    version: str
    manifest: dict[str, Any]


def save(model: Model, folder: Path, *, places: tuple[str, ...] = (), about: dict[str, Any]) -> str:
    """Writes the folder and returns the version, which is the beginning of the arrays' hash."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _MANIFEST).unlink(missing_ok=True)  # an interrupted save must not leave a folder that looks whole
    content = io.BytesIO()
    arrays: dict[str, Any] = _arrays(model, places)
    np.savez(content, **arrays)
    data = content.getvalue()
    (folder / _ARRAYS).write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    manifest = {
        "format": FORMAT,
        "version": digest[:_VERSION_LENGTH],
        "sha256": digest,
        "trained_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "recipe": asdict(model.recipe),
        "tasks": {name: len(head.labels) for name, head in model.heads.items()},
        "columns": model.features.size,
        "opening_columns": len(model.features.openings),
        "cutter": "most probable path, dictionary in the model",
        "lexicon": {name: lexicon_version(name) for name in _LISTS},
        "threshold": model.threshold,
        **about,
    }
    (folder / _MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return str(manifest["version"])


def lexicon_version(name: str) -> str:
    return fingerprint(files("classifier").joinpath("lexicon", name).read_bytes())


def fingerprint(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_VERSION_LENGTH]


def read(folder: Path) -> Saved:
    """Compares the hash before it opens the arrays; ModelUnusable says in a sentence what is wrong."""
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        data = (folder / _ARRAYS).read_bytes()
    except (OSError, ValueError) as error:
        raise ModelUnusable(f"The folder {folder} holds no readable model: train one first.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ModelUnusable(f"The model in {folder} is of another format than {FORMAT}: train it again.")
    if manifest.get("sha256") != hashlib.sha256(data).hexdigest():
        raise ModelUnusable(f"The model in {folder} is not the one its manifest describes: train it again.")
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            model = _model(dict(arrays))
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise ModelUnusable(f"The model in {folder} is no model of this program: train it again.") from error
    return Saved(model, str(manifest["version"]), manifest)


def load(folder: Path, gazetteer: Gazetteer | None) -> Classifier:
    saved = read(folder)
    missing = {"request_type", "category"} - saved.model.heads.keys()
    if missing:
        raise ModelUnusable(f"The model in {folder} does not answer {' and '.join(sorted(missing))}: train it from examples.")
    return Classifier(saved.model, version=saved.version, gazetteer=gazetteer)


def _arrays(model: Model, places: tuple[str, ...]) -> dict[str, Numbers]:
    features = model.features
    plain = json.dumps(_plain(model, places), ensure_ascii=False)
    arrays = {
        "plain": np.frombuffer(plain.encode("utf-8", "surrogatepass"), np.uint8),
        "cutter.keys": features.reader.dictionary.keys,
        "cutter.logs": features.reader.dictionary.logs,
        "cutter.counts": features.reader.dictionary.counts,
        "signs": features.signs,
        "words": features.words,
        "openings": features.openings,
    }
    for name, head in model.heads.items():
        arrays[f"{name}.scale"] = head.fitted.scale
        arrays[f"{name}.weights"] = head.fitted.weights.astype(np.float16)
        arrays[f"{name}.bias"] = head.fitted.bias
    if model.memory:
        rows = model.memory.rows
        arrays |= {
            "memory.data": rows.data.astype(np.float16),
            "memory.indices": rows.indices.astype(np.int32),
            "memory.indptr": rows.indptr.astype(np.int32),
        }
    return arrays


def _plain(model: Model, places: tuple[str, ...]) -> dict[str, Any]:
    """All of a model that is no array."""
    routing = model.routing
    return {
        "recipe": asdict(model.recipe),
        "threshold": model.threshold,
        "places": places,
        "routing": asdict(routing) | {"area_leads": sorted(routing.area_leads)},
        "heads": {name: {"labels": head.labels, "calibration": asdict(head.calibration)} for name, head in model.heads.items()},
        "memory": {"texts": model.memory.texts, "codes": model.memory.codes} if model.memory else None,
    }


def _model(arrays: dict[str, Numbers]) -> Model:
    plain = json.loads(arrays["plain"].tobytes().decode("utf-8", "surrogatepass"))
    recipe = Recipe(**_tuples(plain["recipe"]))
    dictionary = Dictionary(arrays["cutter.keys"], arrays["cutter.logs"], arrays["cutter.counts"])
    reader = Reader(dictionary, plain["places"], longest=recipe.longest_run)
    features = Features(reader, arrays["signs"], arrays["words"], arrays.get("openings", _NONE), recipe.opening)
    routing = plain["routing"]
    return Model(
        recipe=recipe,
        features=features,
        heads={name: _head(name, one, arrays) for name, one in plain["heads"].items()},
        routing=Routing(**(routing | {"area_leads": frozenset(routing["area_leads"])})),
        memory=_memory(plain["memory"], arrays, features.size),
        threshold=plain["threshold"],
    )


def _head(name: str, plain: dict[str, Any], arrays: dict[str, Numbers]) -> Head:
    weights = arrays[f"{name}.weights"].astype(np.float32)
    fitted = Fit(arrays[f"{name}.scale"], weights, arrays[f"{name}.bias"])
    return Head(tuple(plain["labels"]), fitted, Calibration(**_tuples(plain["calibration"])))


def _tuples(plain: dict[str, Any]) -> dict[str, Any]:
    """JSON knows lists only."""
    return {name: tuple(one) if isinstance(one, list) else one for name, one in plain.items()}


def _memory(plain: dict[str, Any] | None, arrays: dict[str, Numbers], columns: int) -> Memory | None:
    if plain is None:
        return None
    parts = (arrays["memory.data"].astype(np.float32), arrays["memory.indices"], arrays["memory.indptr"])
    rows = sparse.csr_matrix(parts, shape=(len(plain["texts"]), columns))
    return Memory(rows, tuple(plain["texts"]), tuple(plain["codes"]))
