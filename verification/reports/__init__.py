"""The reports that a run leaves behind: JUnit XML, JSON, Markdown and one HTML page."""
