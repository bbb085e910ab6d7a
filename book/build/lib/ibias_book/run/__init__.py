"""From notebooks to outputs: parameters, papermill, what is out of date, and figures computed
again."""
