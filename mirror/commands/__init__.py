"""Scrapy commands of the project, a small file each."""
