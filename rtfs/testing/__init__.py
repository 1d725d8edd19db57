"""Tests in the language: `deftest` functions and cases with their endings, found in files and run."""
