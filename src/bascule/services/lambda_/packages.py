"""Deployment packages: what must hold for a zip file before its bytes are kept.

The central directory is believed only as far as it protects us: an entry's declared size bounds what may ever be
unpacked from it, so the sum of the declared sizes is the bound against zip bombs. Names that would leave the target
directory and encrypted entries are refused here, long before anything is unpacked.
"""

from __future__ import annotations

import base64
import io
import zipfile
from pathlib import PurePosixPath

from bascule.kernel.errors import NotImplementedHere
from bascule.services.lambda_ import limits
from bascule.services.lambda_.errors import InvalidParameterValue, RequestEntityTooLarge

NOT_A_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
NO_IMAGES = "Bascule does not run container images: send a zip file in Code.ZipFile."
NO_SOURCE = "Please provide a source for function code."

_ENCRYPTED = 0x1


def checked_package(
    *,
    zip_file: bytes | None,
    s3_bucket: str | None,
    s3_key: str | None,
    s3_object_version: str | None,
    image_uri: str | None,
) -> bytes:
    """The zip file of a request, after all checks.

    Raises   NotImplementedHere for code in S3 or in an image; RequestEntityTooLarge; InvalidParameterValue.
    Differs  code in S3 is refused until Bascule has S3; container images are refused.
    """
    others = (s3_bucket, s3_key, s3_object_version, image_uri)
    if zip_file and any(other is not None for other in others):
        raise InvalidParameterValue("Please do not provide other FunctionCode parameters when providing a ZipFile.")
    if image_uri is not None:
        raise NotImplementedHere(NO_IMAGES)
    if s3_bucket is not None or s3_key is not None or s3_object_version is not None:
        raise NotImplementedHere("Bascule has no S3 service yet: send the package in Code.ZipFile instead of S3Bucket.")
    if not zip_file:
        raise InvalidParameterValue(NO_SOURCE)
    check_zip(zip_file)
    return zip_file


def unpacked_bytes(package: bytes) -> int:
    """What a checked package unpacks to."""
    with zipfile.ZipFile(io.BytesIO(package)) as opened:
        return sum(entry.file_size for entry in opened.infolist())


def check_zip(content: bytes) -> None:
    """Refuse what is not a harmless zip file within Lambda's limits."""
    if len(content) > limits.ZIPPED_BYTES_MAX:
        raise RequestEntityTooLarge(f"Zipped size must be smaller than {limits.ZIPPED_BYTES_MAX} bytes")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            entries = package.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, OSError) as error:
        raise InvalidParameterValue(NOT_A_ZIP) from error
    if len(entries) > limits.PACKAGE_ENTRIES_MAX or not all(map(_is_harmless, entries)):
        raise InvalidParameterValue(NOT_A_ZIP)
    if sum(entry.file_size for entry in entries) >= limits.UNZIPPED_BYTES_MAX:
        raise InvalidParameterValue(f"Unzipped size must be smaller than {limits.UNZIPPED_BYTES_MAX} bytes")


def _is_harmless(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    return not path.is_absolute() and ".." not in path.parts and not entry.flag_bits & _ENCRYPTED


def code_sha256(digest: str) -> str:
    """``CodeSha256`` of a package: its digest in base64 instead of hex."""
    return base64.b64encode(bytes.fromhex(digest)).decode()
