"""Making a picture that models can be shown of a file that someone sent, and keeping it."""

from ..core.image_formats import measure_image
from ..core.messages import PicturePart
from ..media.client import MediaClient
from ..store import Store


class PictureKeeper:
    """Converts pictures and keeps them; all its methods raise `FileError` and `StoreFailed`."""

    def __init__(self, store: Store, media: MediaClient) -> None:
        self._store, self._media = store, media

    async def keep(self, content: bytes, *, max_side: int) -> PicturePart:
        """Keep any picture as an upright JPEG without metadata, no side longer than `max_side`."""
        picture = await self._media.convert_picture(content, max_side=max_side)
        return PicturePart(
            self._store.pictures.keep(picture.content), picture.width, picture.height
        )

    async def keep_photo(self, content: bytes, *, max_side: int) -> PicturePart:
        """Keep a photo that Telegram has prepared: as it is, if it is a JPEG and small enough.

        Telegram turns photos upright and takes their metadata off.
        """
        measured = measure_image(content)
        if measured is None or measured[0] != "jpeg" or max(measured[1:]) > max_side:
            return await self.keep(content, max_side=max_side)
        return PicturePart(self._store.pictures.keep(content), measured[1], measured[2])
