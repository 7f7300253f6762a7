import { type FormEvent, useState } from "react";

import { changeOrganization, storedOrganization } from "../session";

/** Which organization the development session belongs to. With Clerk, its organization switcher is here. */
export function DevelopmentBar() {
  const [organization, setOrganization] = useState(storedOrganization);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (organization.trim() !== "") changeOrganization(organization.trim());
  };
  return (
    <form className="development" onSubmit={submit}>
      <label htmlFor="organization">Organization</label>
      <input id="organization" value={organization} onChange={(event) => setOrganization(event.target.value)} />
      <button type="submit" className="secondary">
        Switch
      </button>
    </form>
  );
}
