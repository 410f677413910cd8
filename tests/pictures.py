"""Pictures, as citizens and units send them."""

import io

from PIL import Image

GPS_POSITION = 0x8825


def picture(kind: str = "JPEG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: object) -> bytes:
    written = io.BytesIO()
    Image.new(mode, size, 128).save(written, kind, **options)
    return written.getvalue()


def photograph() -> bytes:
    """Sideways, with the place where it was taken, a comment and the camera's name."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "A camera"
    exif.get_ifd(GPS_POSITION)[2] = (30.0, 15.0, 0.0)
    return picture(exif=exif, comment=b"Taken at home", xmp=b"<x:xmpmeta>home</x:xmpmeta>")
