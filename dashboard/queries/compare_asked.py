"""What an address of /compare/ asks for, and the one address of it."""

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from dashboard.metric_view import AS_USUAL, MetricView
from dashboard.queries.leaves import row_id
from jobs.refs import Ref, read_refs, spell_refs

MOST_CURVES = 8  # four hues and two dashes
MOST_ROWS = 100
FEWEST = 2
MOST_NAME = 200  # characters of the name of a metric or fact
TICKED = "job"  # the name of the boxes on the list
Fields = list[tuple[str, str]]  # of a form, hidden


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for. `refs` and `ids` are the jobs, by name and by the numbers of rows.

    `is_malformed`: it names something that can be no job. `view`: how the curves are shown. `sort`: by
    which fact the rows of the table stand, downwards with a "-" before it.
    """

    refs: tuple[Ref, ...] = ()
    ids: tuple[int, ...] = ()
    is_malformed: bool = False
    only_differences: bool = False
    metric: str = ""
    view: MetricView = AS_USUAL
    is_table: bool = False
    sort: str = ""
    is_choosing: bool = False
    q: str = ""
    is_csv: bool = False

    @classmethod
    def read(cls, asked: QueryDict) -> "Asked":
        refs = read_refs(",".join(asked.getlist("jobs")))
        ids = tuple(dict.fromkeys(row_id(text) for text in asked.getlist(TICKED)))
        return cls(
            refs=refs or (),
            ids=ids,
            is_malformed=refs is None or 0 in ids,
            only_differences=asked.get("diff") == "1",
            metric=asked.get("metric", "")[:MOST_NAME],
            view=replace(MetricView.read(asked), series=()),
            is_table=asked.get("view") == "table",
            sort=asked.get("sort", "")[:MOST_NAME],
            is_choosing=asked.get("choose") == "1",
            q=asked.get("q", "").strip()[:200],
            is_csv=asked.get("format") == "csv",
        )

    @property
    def number(self) -> int:
        return len(self.refs) + len(self.ids)

    @property
    def url(self) -> str:
        """The one address of this view."""
        said, path = self._said(), reverse("compare")
        return f"{path}?{urlencode(said, safe='/,')}" if said else path

    @property
    def kept_by_view(self) -> Fields:
        """What stays when the curves are to be shown in another way."""
        return self._said("metric", *(name for name, _ in self.view.params))

    @property
    def kept_by_order(self) -> Fields:
        """What stays when the rows are to stand in another order."""
        return self._said("sort")

    @property
    def kept_by_choice(self) -> Fields:
        """What stays when other jobs are chosen."""
        return self._said("jobs", "choose", "q")

    def _said(self, *left_out: str) -> Fields:
        told = [
            ("jobs", spell_refs(self.refs)),
            ("view", "table" if self.is_table else ""),
            ("sort", self.sort if self.is_table else ""),
            ("diff", "1" if self.only_differences else ""),
            ("metric", self.metric),
            *self.view.params,
            ("choose", "1" if self.is_choosing else ""),
            ("q", self.q),
            ("format", "csv" if self.is_csv else ""),
        ]
        return [(name, value) for name, value in told if value and name not in left_out]
