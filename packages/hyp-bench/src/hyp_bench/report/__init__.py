"""What a run leaves behind: the interactive disk, the still picture and the saved points."""

from .disk_html import write_html
from .disk_png import write_png
from .npz import SavedPoints, load_points, save_points

__all__ = ["SavedPoints", "load_points", "save_points", "write_html", "write_png"]
