"""The browser desk: pages, REST API and live push over one engine."""
