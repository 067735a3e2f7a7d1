from alembic import op
from degnode.tables import all_tables
revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
def upgrade(): all_tables().create_all(op.get_bind())
def downgrade(): pass
