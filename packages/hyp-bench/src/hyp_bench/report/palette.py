"""The colours of the pictures, once for the page and the still image."""

LIGHT = {
    "page": "#f7f6f3",
    "disk": "#ffffff",
    "ink": "#20242a",
    "soft": "#666b74",
    "rim": "#c8c4bb",
    "other": "#8d929b",
    "mark": "#111418",
}
DARK = {
    "page": "#121417",
    "disk": "#1a1d22",
    "ink": "#eceae5",
    "soft": "#a0a6b0",
    "rim": "#4a505a",
    "other": "#7d848f",
    "mark": "#ffffff",
}
# Hues that stay apart for the common kinds of colour blindness when neighbours in the list are neighbours on the disk.
LIGHT_BRANCHES = ("#2b6cb0", "#d2691e", "#2f855a", "#c0397b", "#7350b8", "#128a96", "#a17d0a", "#b4443a")
DARK_BRANCHES = ("#6cabf0", "#f29b5c", "#68c58c", "#ee82b2", "#b096f2", "#4cc6d0", "#d8ba4c", "#ee857a")


def css_variables() -> str:
    """The colours as CSS custom properties, light by default and dark where the reader prefers it."""

    def block(colours: dict[str, str], branches: tuple[str, ...]) -> str:
        named = colours | {f"branch{i}": colour for i, colour in enumerate(branches)}
        return ":root{" + "".join(f"--{name}:{colour};" for name, colour in named.items()) + "}"

    return f"{block(LIGHT, LIGHT_BRANCHES)}\n@media (prefers-color-scheme: dark){{{block(DARK, DARK_BRANCHES)}}}\n"
