"""How the pages are built: `make docs`, offline, every warning an error."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import mfa  # noqa: E402  (the checkout that these pages stand in)

project = "mfa"
author = "The mfa developers"
copyright = "The mfa developers"
version = release = mfa.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "_pages",
]
exclude_patterns = ["_build", "_pages", "generated/scenarios", "generated/results"]
root_doc = "index"
nitpicky = True
nitpick_ignore = [("py:mod", "concurrent.futures")]

# Markdown and notebooks. Notebooks are stored without outputs: a build runs those that changed
# since the last one; -D nb_execution_mode=off (make docs-quick) shows them without figures.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "notebooks")
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_merge_streams = True

# Docstrings say types and shapes in words, so signatures do not repeat them.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = False
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
napoleon_preprocess_types = False

html_theme = "pydata_sphinx_theme"
html_title = "mfa"
html_static_path = ["_static"]
html_css_files = ["mfa.css"]
html_show_sourcelink = False
html_copy_source = False
toc_object_entries_show_parents = "hide"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "show_toc_level": 3,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "use_edit_page_button": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": []}
