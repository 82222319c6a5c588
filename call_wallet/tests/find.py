"""Makes the tests of the repository's `tests` folder those of this package."""

import sys
from importlib import import_module
from pathlib import Path

package = sys.modules[__package__]
package.__path__ = [str(Path(__file__).resolve().parents[2] / "tests")]
for _file in sorted(Path(package.__path__[0]).glob("test_*.py")):
    import_module(f"{__package__}.{_file.stem}")
