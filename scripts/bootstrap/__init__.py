"""Sets up and runs everything around the addon: Odoo, Python packages, PostgreSQL, databases."""
