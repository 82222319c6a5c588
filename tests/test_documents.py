"""What the documents point to is there: files, headings, menus, commands."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ADDON = ROOT / "call_wallet"
FENCED = re.compile(r"^```.*?^```$", re.M | re.S)
LINK = re.compile(r"(?:\]\(|src=\")([^)\"\s]+)")
MENU = re.compile(r"\*((?:Call Wallet|Money|Calls|Prices|Accounting|Analysis|Configuration) > [^*]+)\*")


def documents():
    output = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [ROOT / name for name in output.split("\n") if name and (ROOT / name).is_file()]


def prose(path):
    return FENCED.sub("", path.read_text())


def anchors(path):
    """Return the names by which a document's headings are linked to, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def menus():
    """Return the path of each menu: {"Call Wallet > Money > Top-ups", ...}."""
    records = [record for path in ADDON.rglob("*.xml") for record in ET.parse(path).iter("record")]
    actions = {
        record.get("id"): record.findtext("field[@name='name']")
        for record in records
        if (record.get("model") or "").startswith("ir.actions")
    }
    found = set()

    def walk(node, above):
        for item in node.findall("menuitem"):
            name = item.get("name") or actions[item.get("action")]
            path = f"{above} > {name}" if above else name
            found.add(path)
            walk(item, path)

    walk(ET.parse(ADDON / "views/call_wallet_menus.xml").getroot(), "")
    return found


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_exist(path):
    for link in LINK.findall(prose(path)):
        if re.match(r"(https?|mailto):", link):
            continue
        file, _sign, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{path.name} links to {link}"
        if anchor:
            assert anchor in anchors(target), f"{path.name} links to {link}"


def test_menus_that_documents_name_exist():
    known = menus()
    for path in documents():
        for named in MENU.findall(" ".join(prose(path).split())):
            full = named if named.startswith("Call Wallet") else f"Call Wallet > {named}"
            # What follows a menu that opens a list or a form is a button or a part of it.
            parts = full.split(" > ")
            leads = any(" > ".join(parts[:length]) in known for length in range(3, len(parts) + 1))
            assert leads or full in known, f"{path.name}: {named}"


def test_commands_that_documents_name_exist():
    commands = set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)[1].split())
    for path in documents():
        for command in re.findall(r"`(?:\w+=\S+ )*make (\w+)", path.read_text()):
            assert command in commands, f"{path.name}: make {command}"


def test_the_readme_stays_short_and_leads_to_each_document():
    readme = (ROOT / "README.md").read_text()
    assert len(readme.split("\n")) < 120
    for name in ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"):
        assert f"]({name})" in readme
    for path in (ROOT / "docs").glob("*.md"):
        assert f"](docs/{path.name})" in readme


def test_every_picture_that_is_taken_is_shown_and_no_other():
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        import screenshots
    finally:
        sys.path.remove(str(ROOT / "scripts"))
    taken = {
        screenshots.file_name(name, language, size)
        for language in screenshots.LANGUAGES
        for size in screenshots.SIZES
        for name in screenshots.names_in(language, size)
    }
    shown = re.findall(r"\(pictures/([^)]+)\)", (ROOT / "docs/screens.md").read_text())
    assert sorted(shown) == sorted(taken)
    assert taken == {path.name for path in (ROOT / "docs/pictures").iterdir()}


def test_the_store_s_page_has_its_pictures_and_nothing_that_the_store_removes():
    folder = ADDON / "static/description"
    page = (folder / "index.html").read_text()
    pictures = re.findall(r'src="([^"]+)"', page)
    assert pictures and all((folder / name).is_file() for name in pictures)
    assert not re.search(r"<script|<link|<style|https?://|javascript:", page)


def test_the_license_is_what_the_manifest_says():
    manifest = (ADDON / "__manifest__.py").read_text()
    assert '"license": "LGPL-3"' in manifest
    assert "GNU LESSER GENERAL PUBLIC LICENSE\n                       Version 3" in (ROOT / "LICENSE").read_text()
