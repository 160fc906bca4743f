"""`cellkin worker`: does the service's jobs, on this machine or on one that shares its data folder."""

from api.console import Reporter


def worker() -> None:
    """Do jobs of the service until Ctrl-C, beside its own workers or instead of them (CELLKIN_WORKERS=0).

    It needs the database and the data folder of the service, where uploads are.
    """
    from api.settings import Settings
    from api.worker_main import work

    reporter = Reporter(as_json=False)
    with reporter.bars() as bars:
        reporter.note("waiting for jobs; Ctrl-C ends")
        work(Settings(), bars)
